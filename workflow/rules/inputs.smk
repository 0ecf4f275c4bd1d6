# The files that jobs read: trained models, logs of trainings, data sets, evaluations.


def trained(file, system, pairs, seeds=CONFIG.seeds):
    """Return a file of trainings: of pairs of a task and a model."""
    return [
        f"{RUN}/{system}/{task}/models/{model}/seed{seed}/{file}"
        for task, model in pairs
        for seed in seeds
    ]


def checkpoints(wildcards):
    """Return the trained models that a job evaluates; none of a baseline."""
    needed = checkpoints_of(wildcards.system, wildcards.task, wildcards.method)
    seeds = [wildcards.seed]
    return trained("model.safetensors", wildcards.system, needed.values(), seeds)


def needed(wildcards):
    """Return the trained models that a training reads."""
    pairs = needed_by(wildcards).values()
    return trained("model.safetensors", wildcards.system, pairs, [wildcards.seed])


def collected(wildcards):
    """Return the further data of a training, of the same seed, or none."""
    system, task = wildcards.system, wildcards.task
    collect = configuration.model(CONFIG, system, wildcards.model).collect
    if collect is None:
        return []
    own = checkpoints_of(system, task, collect.method)
    seed = wildcards.seed if own else CONFIG.seeds[0]
    return f"{RUN}/{system}/{task}/collected/{collect.method}/seed{seed}.nc"


def trainings_drawn(wildcards):
    """Return the trainings whose losses are drawn: of a task, without those that studies add."""
    known = configuration.models_of(CONFIG, wildcards.system, wildcards.task)
    return [(wildcards.task, model) for model in known if model in CONFIG.models]


def losses(wildcards):
    """Return the logs of the trainings of a system and task."""
    return trained("train.jsonl", wildcards.system, trainings_drawn(wildcards))


def data_for(of):
    """Return a function of the wildcards: the data files that a method on a split's cases reads."""

    def files(wildcards):
        options = configuration.method(CONFIG, wildcards.system, wildcards.method)
        splits = tasks_of(wildcards.system)[wildcards.task].splits(options, of)
        return expand(f"{RUN}/{wildcards.system}/data/{{split}}.nc", split=splits)

    return files


def evaluations(file, system, pairs):
    """Return a file of evaluations: of pairs of a task and a method; without a model it has one."""
    return [
        f"{RUN}/{system}/{task}/methods/{method}/seed{seed}/{file}"
        for task, method in pairs
        for seed in (
            CONFIG.seeds if checkpoints_of(system, task, method) else CONFIG.seeds[:1]
        )
    ]


def evaluated(file, task, systems=SYSTEMS):
    """Return a file of every evaluation of the methods that a task lists."""
    return [
        path
        for system in systems
        if task in tasks_of(system)
        for path in evaluations(
            file, system, [(task, name) for name in tasks_of(system)[task].methods]
        )
    ]


def evaluated_of(file, task):
    """Return a function of the wildcards: a file of every evaluation of a task on a system."""
    return lambda wildcards: evaluated(file, task, [wildcards.system])


def every_evaluation(file):
    """Return a file of every evaluation of the run, of tasks and of studies."""
    return [
        path
        for system in SYSTEMS
        for path in evaluations(file, system, methods_of(system))
    ]


def studied(file, study):
    """Return a file of every evaluation of a study."""
    task = CONFIG.studies[study].task
    return [
        path
        for system in SYSTEMS
        for one in variations(CONFIG, study, system)
        for path in evaluations(file, system, [(task, one.method)])
    ]


def table_inputs(file, task, scope):
    """Return a file of every evaluation that a table shows: of all systems, or of one."""
    return evaluated_of(file, task) if scope else evaluated(file, task)
