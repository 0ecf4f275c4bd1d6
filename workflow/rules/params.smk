# What the `params` of rules hold: a job's own part of the configuration and the digest of its code,
# so that Snakemake reruns a job when one of the two changes, and only then.
import json
from functools import cache

from wdno import digest

stage_digest = cache(digest.stage_digest)


def section(values, **selected):
    """Return a section of the configuration as text, the same for the same values."""
    return json.dumps(values.model_dump(mode="json", **selected), sort_keys=True)


def own_section(values, wildcards, **left_out):
    """Return a model or a method as text, without its label and what other tasks read of it."""
    others = {task: True for task in KNOWN_TASKS.names() if task != wildcards.task}
    return section(values, exclude={"label": True, **others, **left_out})


def task_section(wildcards, left_out=frozenset()):
    """Return the options of a job's task as text, without what concerns tables only."""
    # A system without this task may still train a model of it, for another task.
    options = tasks_of(wildcards.system).get(wildcards.task)
    if options is None:
        return ""
    return section(options, exclude={*options.showing, *left_out})


def trained_section(wildcards):
    """Return the options of a job's task that a training reads; some learn from what judges."""
    options = configuration.model(CONFIG, wildcards.system, wildcards.model)
    judging = KNOWN_TASKS.light(wildcards.task).Options.judging
    return task_section(wildcards, set() if options.objective.judged else judging)


def method_section(wildcards):
    """Return the method that a job evaluates."""
    options = configuration.method(CONFIG, wildcards.system, wildcards.method)
    return own_section(options, wildcards)


def model_section(wildcards):
    """Return the model that a job trains; how often its state is saved changes nothing."""
    options = configuration.model(CONFIG, wildcards.system, wildcards.model)
    return own_section(options, wildcards, training={"checkpoint_seconds"})


def training_code(wildcards):
    """Return the digest of the code that trains a model."""
    names = wildcards.system, wildcards.task, wildcards.model
    return configuration.training_code(CONFIG, *names, stage_digest)


def evaluation_code(wildcards):
    """Return the digest of the code that evaluates a method, with all its models."""
    names = wildcards.system, wildcards.task, wildcards.method
    return configuration.method_code(CONFIG, *names, "evaluate", stage_digest)


def collection_code(wildcards):
    """Return the digest of the code that finds and solves a method's controls."""
    names = wildcards.system, wildcards.task, wildcards.method
    return configuration.method_code(CONFIG, *names, "collect", stage_digest)


def data_arguments(wildcards, input):
    """Return the data files of an evaluation as arguments of the command line."""
    return [f"--data {Path(file).stem}={file}" for file in input.data]


def model_arguments(wildcards, input):
    """Return the models of an evaluation as arguments of the command line."""
    roles = checkpoints_of(wildcards.system, wildcards.task, wildcards.method)
    pairs = zip(roles, input.models, strict=True)
    return [f"--model {role}={file}" for role, file in pairs]


def needed_arguments(wildcards, input):
    """Return the models that a training needs as arguments of the command line."""
    roles = needed_by(wildcards)
    pairs = zip(roles, input.needed, strict=True)
    return [f"--needs {role}={file}" for role, file in pairs]


def cases_argument(wildcards):
    """Return how many cases are collected, as an argument of the command line; none of all."""
    count = collections_of(wildcards.system)[wildcards.task, wildcards.method]
    return f"--cases {count}" if count is not None else ""


def study_section(wildcards):
    """Return the study that a table or a figure shows."""
    return section(CONFIG.studies[wildcards.study])


def study_code(wildcards):
    """Return the digest of the code that makes the table and the figure of a study."""
    return stage_digest("study", task=CONFIG.studies[wildcards.study].task)
