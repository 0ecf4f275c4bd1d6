# The files that targets ask for.


def splits_of(system):
    """Return the data files of a system's splits."""
    fine = configuration.system(CONFIG, system).data.fine
    return expand(
        f"{RUN}/{system}/data/{{split}}.nc",
        split=[*SPLITS, *(["fine"] if fine is not None else [])],
    )


def data_sets(system):
    """Return the data sets of a system and their card, and its record if it has one."""
    recorded = configuration.system(CONFIG, system).options.recorded
    return [
        *([f"{RUN}/{system}/data/record.nc"] if recorded else []),
        *splits_of(system),
        f"{RUN}/{system}/data/card.csv",
    ]


def models(system):
    """Return the trained models of a system."""
    return trained("model.safetensors", system, trainings_of(system))


def tables():
    """Return the tables of the run: of each task and each study, and ranks."""
    names = [*TASKS, *(f"study_{study}" for study in STUDIES)]
    ranks = [path for task in TASKS for path in expand(ranks_of(task), run=CONFIG.run)]
    return [*expand(f"{RUN}/tables/{{name}}.csv", name=names), *ranks]


def table_stem(task, scope, folder="tables"):
    """Return the table of a task without its suffix, of all systems or of one."""
    return f"results/{{run}}/{folder}/{'{system}_' if scope else ''}{task}"


def system_tables(system):
    """Return the tables of a system alone, one for each task; no part of `all`."""
    return expand(f"{RUN}/tables/{system}_{{task}}.csv", task=tasks_of(system))


def ranks_of(task):
    """Return the ranks of a task that ranks methods over several systems, as a list."""
    ranked = KNOWN_TASKS.light(task).Options.ranked
    several = sum(task in tasks_of(system) for system in SYSTEMS) > 1
    return [f"results/{{run}}/tables/{task}_ranks.csv"] if ranked and several else []


def paper_pages(folder=RUN):
    """Return the pages of the paper's tables and figures: the index as Markdown first."""
    return [
        f"{folder}/paper/{page}.{kind}"
        for page in page_names()
        for kind in ("md", "html")
    ]


def paper_figures():
    """Return the figures of the run that those pages show."""
    return [
        f"{RUN}/figures/{system}_{picture.task}_{picture.name}.png"
        for entry in contents().entries
        for picture in entry.pictures
        for system in picture.systems
        if system in SYSTEMS and picture.task in tasks_of(system)
    ]


def figures(system):
    """Return the figures of a system: its scene, and for each task losses and its own."""
    options = configuration.system(CONFIG, system).options
    names = ["scene.png"] if options.has_scene else []
    for task, section in tasks_of(system).items():
        drawn = section.figures(options)
        if any(trained == task for trained, _ in trainings_of(system)):
            drawn = {**drawn, "training": "png"}
        names += [f"{task}_{name}.{suffix}" for name, suffix in drawn.items()]
    return expand(f"{RUN}/figures/{system}_{{name}}", name=names)


def also_pdf(image):
    """Return the second file of a figure, which animations do not have, as a list."""
    return [image.replace(".png", ".pdf")] if image.endswith(".png") else []


def study_figures():
    """Return the figures of the studies."""
    return expand(f"{RUN}/figures/study_{{study}}.png", study=STUDIES)


def study_tables():
    """Return the tables of the studies."""
    return expand(f"{RUN}/tables/study_{{study}}.csv", study=STUDIES)


def studies_of(system):
    """Return the tables and figures of the studies that concern this system alone."""
    alone = [
        study
        for study in STUDIES
        if [name for name in SYSTEMS if variations(CONFIG, study, name)] == [system]
    ]
    files = ["tables/study_{study}.csv", "figures/study_{study}.png"]
    return expand([f"{RUN}/{file}" for file in files], study=alone)


def everything(system):
    """Return all files of a system: its data, errors, figures, and studies of it alone."""
    errors = evaluations("metrics.json", system, methods_of(system))
    return [*data_sets(system), *errors, *figures(system), *studies_of(system)]
