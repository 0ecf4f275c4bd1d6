# What the rules share: the validated configuration, what is configured, and the names that
# wildcards may take.
#
# The file that the command line reads, with the whole configuration of the run, is no input of the
# rules (not even an `ancient` one: a rule that makes it anew would hide changed `params` of the
# rules that follow): it is written when Snakemake starts.
from wdno import config as configuration
from wdno.files import write_text
from wdno.paper.contents import contents, page_names, published_modules
from wdno.studies.expand import variations
from wdno.tasks import REGISTRY as KNOWN_TASKS

# Snakemake reads YAML as it comes, and leaves what stands within a value of `--config` as text. A null
# in an overlay removes an option: captions see what is left. The models that validate it are those
# that workflow/schemas/ is written from, for editors.
try:
    configuration.read(workflow.configfiles)
    given = configuration.typed(workflow.config_settings.config)
    config = configuration.merge({}, configuration.merge(config, given))
    CONFIG = configuration.validate(config)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

RUN = f"results/{CONFIG.run}"
SYSTEMS = configuration.system_names(CONFIG)
SPLITS = ["train", "validation", "test"]
# Studies of a system that is configured.
STUDIES = configuration.studies(CONFIG)


onstart:
    write_config()


onsuccess:
    say_where()


def say_where():
    """Say where the results are."""
    for part in ("tables", "figures"):
        if Path(RUN, part).is_dir():
            print(f"{part}: {RUN}/{part}", file=sys.stderr)
    print("--report report.html puts them into one file", file=sys.stderr)


def write_config():
    """Write the run's resolved configuration, if it is not there already."""
    text = configuration.dump(CONFIG)
    path = Path(RUN, "config.yaml")
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def data_of(wildcards):
    """Return the section of the system whose data a job makes."""
    return configuration.system(CONFIG, wildcards.system)


def split_of(wildcards):
    """Return the system's options and the number of samples of a split."""
    section = data_of(wildcards)
    if wildcards.split == "fine":
        return section.fine_options(), section.data.fine.samples
    return section.options, getattr(section.data.samples, wildcards.split)


def tasks_of(system):
    """Return the tasks of a system, each with its section of the configuration."""
    return configuration.tasks(CONFIG, system)


def methods_of(system):
    """Return what is evaluated of a system: pairs of a task and a method, of studies too."""
    return [
        (task, method)
        for task in tasks_of(system)
        for method in configuration.methods_of(CONFIG, system, task)
    ]


def checkpoints_of(system, task, method):
    """Return what trained models a method needs: role -> task and name of the model."""
    options = configuration.method(CONFIG, system, method)
    return tasks_of(system)[task].checkpoints(task, options)


def trainings_of(system):
    """Return what is trained for a system: pairs of a task and a model, each once."""
    return configuration.trainings(CONFIG, system)


def needed_by(wildcards):
    """Return the trained models that a training reads: role -> task and name of the model."""
    training = wildcards.task, wildcards.model
    return configuration.models_for(CONFIG, wildcards.system, training)


def collections_of(system):
    """Return what is collected for a system: task and method -> number of cases, None: all."""
    return configuration.collections(CONFIG, system)


def figures_of(task):
    """Return the figures that a task has of some system: name -> suffix."""
    figures = {}
    for section in (configuration.system(CONFIG, system) for system in SYSTEMS):
        options = getattr(section.tasks, task)
        figures |= options.figures(section.options) if options is not None else {}
    return figures


def selective_figures(task):
    """Return the figures of a task that show the methods of `evaluation.show` alone."""
    return KNOWN_TASKS.light(task).Options.selective


def referring_figures(task):
    """Return the figures of a task that show the reference."""
    return KNOWN_TASKS.light(task).Options.referring


def any_of(names):
    """Return a pattern of names."""
    return "|".join(dict.fromkeys(names))


TASKS = sorted({task for system in SYSTEMS for task in tasks_of(system)})
TRAININGS = [pair for system in SYSTEMS for pair in trainings_of(system)]
METHODS = [pair for system in SYSTEMS for pair in methods_of(system)]


wildcard_constraints:
    run=CONFIG.run,
    system=any_of(SYSTEMS),
    task=any_of([*TASKS, *(task for task, _ in TRAININGS)]),
    split=any_of([*SPLITS, "fine"]),
    model=any_of([*CONFIG.models, *(model for _, model in TRAININGS)]),
    method=any_of([*CONFIG.methods, *(method for _, method in METHODS)]),
    study=any_of(STUDIES),
    seed=any_of(map(str, CONFIG.seeds)),
