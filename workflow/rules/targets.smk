# The files that targets ask for, and that tables and figures read.
def tasks_of(system):
    """Return the tasks of a system, each with its methods."""
    options = configuration.system(CONFIG, system).tasks
    return {name: task.methods for name, task in options if task is not None}


def models_of(system, method=None):
    """Return the model of a method, or of all methods and studies of a system, as a list."""
    methods = (
        [method]
        if method
        else [m for names in tasks_of(system).values() for m in names]
    )
    models = [configuration.method(CONFIG, system, name).model for name in methods]
    return list(
        dict.fromkeys(filter(None, models if method else [*models, *studied(system)]))
    )


def studied(system):
    """Return the models of a system in the sampler study."""
    study = CONFIG.sampler_study
    return study.models if study.systems is None or system in study.systems else []


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


def trained(file, systems=SYSTEMS, models=models_of):
    """Return a file of every training: of each system, task, model and seed."""
    pattern = f"{RUN}/{{system}}/{{task}}/{{model}}/seed{{seed}}/{file}"
    return [
        path
        for system in systems
        for path in expand(
            pattern,
            system=system,
            task=tasks_of(system),
            model=models(system),
            seed=CONFIG.seeds,
        )
    ]


def studies(systems=SYSTEMS):
    """Return the sampler studies."""
    return trained("sampler_study.csv", systems, studied)


def checkpoint(wildcards):
    """Return the trained model that a method samples; none for a baseline."""
    pattern = (
        f"{RUN}/{wildcards.system}/{wildcards.task}/{{model}}/seed{wildcards.seed}"
    )
    return expand(
        f"{pattern}/model.safetensors",
        model=models_of(wildcards.system, wildcards.method),
    )


def evaluated(file, systems=SYSTEMS):
    """Return a file of every evaluation; a baseline has one evaluation, whatever the seeds."""
    return [
        f"{RUN}/{system}/{task}/{method}/seed{seed}/{file}"
        for system in systems
        for task, names in tasks_of(system).items()
        for method in names
        for seed in (CONFIG.seeds if models_of(system, method) else CONFIG.seeds[:1])
    ]


def tables():
    """Return the tables of the run."""
    return expand(
        f"{RUN}/tables/{{name}}.csv",
        name=["simulation", *(["samplers"] if studies() else [])],
    )


def figures(system):
    """Return the figures of a system."""
    names = ["trajectories", "error_over_time", "spectra"]
    names += ["training"] if models_of(system) else []
    names += ["error_vs_evaluations"] if studied(system) else []
    options = configuration.system(CONFIG, system).options
    names += ["series"] if options.has_series else []
    files = [f"{name}.png" for name in names]
    # Frames of two space axes.
    files += ["animation.gif"] if len(options.grid_shape()) == 3 else []
    return [
        *([f"{RUN}/figures/{system}_scene.png"] if options.has_scene else []),
        *expand(
            f"{RUN}/figures/{system}_{{task}}_{{file}}",
            task=tasks_of(system),
            file=files,
        ),
    ]


def everything(system):
    """Return all files of a system: its data, errors, studies and figures."""
    errors = evaluated("metrics.json", [system])
    return [*data_sets(system), *errors, *studies([system]), *figures(system)]
