# What the rules share: the validated configuration, the names that wildcards may take, and the
# options and the code of a job.
#
# The `params` of a rule hold its own section of the configuration and the digest of its code, so
# that Snakemake reruns a job when one of the two changes, and only then. The file that the command
# line reads, with the whole configuration of the run, is therefore no input of the rules (not even
# an `ancient` one: a rule that makes it anew would hide changed `params` of the rules that follow).
import json

from snakemake.utils import validate

from wdno import config as configuration
from wdno.digest import stage_digest
from wdno.files import write_text

try:
    CONFIG = configuration.validate(config)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None
# A null in an overlay removes an option: the schema sees what is left.
config = configuration.merge({}, config)
validate(config, "../schemas/config.schema.yaml", set_default=False)

RUN = f"results/{CONFIG.run}"
SYSTEMS = configuration.system_names(CONFIG)
SPLITS = ["train", "validation", "test"]


wildcard_constraints:
    run=CONFIG.run,
    system="|".join(SYSTEMS),
    task="simulation",
    split="|".join([*SPLITS, "fine"]),
    model="|".join(CONFIG.models),
    method="|".join(CONFIG.methods),
    seed="|".join(map(str, CONFIG.seeds)),


onstart:
    write_config()


def write_config():
    """Write the run's resolved configuration, if it is not there already."""
    text = configuration.dump(CONFIG)
    path = Path(RUN, "config.yaml")
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def section(values, **selected):
    """Return a section of the configuration as text, the same for the same values."""
    return json.dumps(values.model_dump(mode="json", **selected), sort_keys=True)


def data_of(wildcards):
    """Return the section of the system whose data a job makes."""
    return configuration.system(CONFIG, wildcards.system)


def split_of(wildcards):
    """Return the system's options and the number of samples of a split."""
    section = data_of(wildcards)
    if wildcards.split == "fine":
        return section.fine_options(), section.data.fine.samples
    return section.options, getattr(section.data.samples, wildcards.split)


def method_of(wildcards):
    """Return the options of the method that a job evaluates."""
    return configuration.method(CONFIG, wildcards.system, wildcards.method)


def model_of(wildcards):
    """Return the options of the model that a job trains or samples; None for a baseline."""
    name = wildcards.get("model") or method_of(wildcards).model
    return name and configuration.model(CONFIG, wildcards.system, name)


def model_code(stage):
    """Return a function of the wildcards: the digest of a stage with the pieces of its model."""

    def code(wildcards):
        model = model_of(wildcards)
        if model is None:
            return stage_digest(f"{stage}_baseline")
        axes = ("representation", "network", "objective")
        return stage_digest(stage, **{axis: getattr(model, axis).name for axis in axes})

    return code


def model_labels(wildcards):
    """Return the models' names in tables and figures, as text."""
    return json.dumps({name: model.label for name, model in CONFIG.models.items()})
