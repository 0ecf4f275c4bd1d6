# What systems, methods and models are called in tables and figures: `params` of the rules that show
# them, so that another name makes these anew, and nothing else.
import re


def names(methods):
    """Return what systems and methods are called, as text, from system -> methods."""
    return json.dumps(
        {
            system: [
                configuration.system(CONFIG, system).title,
                {name: configuration.method(CONFIG, system, name).label for name in of},
            ]
            for system, of in methods.items()
        }
    )


def method_names(task, systems=SYSTEMS):
    """Return what a task's table or figures call systems and methods, as text."""
    listed = {system: tasks_of(system).get(task) for system in systems}
    return names(
        {system: options.methods for system, options in listed.items() if options}
    )


def table_names(task):
    """Return a function of the wildcards: what a task's table calls systems and methods.

    In a text that is no function's, Snakemake would take `{...}` of a label for a wildcard.
    """
    return lambda wildcards: method_names(task)


def system_method_names(task):
    """Return a function of the wildcards: what a task's figures call a system and its methods."""
    return lambda wildcards: method_names(task, [wildcards.system])


def study_names(wildcards):
    """Return what a study's table and figure call systems and methods, as text."""
    found = {}
    for system in SYSTEMS:
        for one in variations(CONFIG, wildcards.study, system):
            found.setdefault(system, []).extend([one.of, one.method])
    return names(found)


def model_names(wildcards):
    """Return what the figure of losses calls a system and its models, as text."""
    labels = {
        name: configuration.model(CONFIG, wildcards.system, name).label
        for _, name in trainings_drawn(wildcards)
    }
    return json.dumps([configuration.system(CONFIG, wildcards.system).title, labels])


def as_rst(text):
    """Return text for a caption, in which nothing is markup."""
    return re.sub(r"([^\w\s]|_)", r"\\\1", text)
