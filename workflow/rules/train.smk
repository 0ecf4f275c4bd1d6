# Training: from data sets to models.
#
# Inputs:  {run}/{system}/data/{train,validation}.nc
# Outputs: {run}/{system}/{task}/collected/{method}/seed{seed}.nc    further training data
#          {run}/{system}/{task}/models/{model}/seed{seed}/model.safetensors    weights, options
#          {run}/{system}/{task}/models/{model}/seed{seed}/train.jsonl          losses, by step
#          {run}/figures/{system}_{task}_training.{png,pdf}
# Steps:   collect (training cases solved under the controls of a method, for models with `collect`),
#          train (once for each model and seed; methods that differ in sampling share the model),
#          training (the losses of a system's models).
#
# Snakemake deletes the outputs of a job that fails, so the trainer keeps its state elsewhere, in
# {run}/.state, and an interrupted training continues there when it is run again.
#
# A training that is given several GPUs (--set-resources train:gpu=2) runs in as many processes, on
# several nodes of a cluster if it asks for them (nodes=2). Its result does not depend on them.
#
# What others wait for has priority: a training that starts from collected data would else be the last
# job, with all processors but its own idle.


rule collect:
    input:
        data=data_for("train"),
        models=checkpoints,
    output:
        "results/{run}/{system}/{task}/collected/{method}/seed{seed}.nc",
    log:
        "results/{run}/logs/{system}/{task}/collected/{method}/seed{seed}.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/collected/{method}/seed{seed}.tsv"
    priority: 20
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        gpu=GPU,
        processors=processors,
        mem_mb=lambda w, input: 2000 + 4 * held_mb(input),
        runtime=240,
    params:
        config="results/{run}/config.yaml",
        state="results/{run}/.state/{system}/{task}/collected/{method}/seed{seed}",
        data=data_arguments,
        models=model_arguments,
        cases=cases_argument,
        method=method_section,
        task=task_section,
        evaluation=section(CONFIG.evaluation, include={"batch_size"}),
        code=collection_code,
    shell:
        "python -m wdno collect --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --method {wildcards.method} --seed {wildcards.seed}"
        " {params.cases} {params.data} {params.models} --output {output} --state {params.state}"
        " --threads {resources.processors} 2>&1 | record {log}"


rule train:
    input:
        train="results/{run}/{system}/data/train.nc",
        validation="results/{run}/{system}/data/validation.nc",
        collected=collected,
        needed=needed,
    output:
        model="results/{run}/{system}/{task}/models/{model}/seed{seed}/model.safetensors",
        log="results/{run}/{system}/{task}/models/{model}/seed{seed}/train.jsonl",
    log:
        "results/{run}/logs/{system}/{task}/models/{model}/seed{seed}/train.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/models/{model}/seed{seed}/train.tsv"
    priority: 10
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        gpu=GPU,
        nodes=1,
        processors=processors,
        mem_mb=lambda w, input: 2000 + 2 * held_mb(input),
        runtime=720,
    params:
        config="results/{run}/config.yaml",
        state="results/{run}/.state/{system}/{task}/models/{model}/seed{seed}",
        needed=needed_arguments,
        collected=lambda w, input: (
            f"--collected {input.collected}" if input.collected else ""
        ),
        model=model_section,
        task=trained_section,
        code=training_code,
    shell:
        "python -m wdno train --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --model {wildcards.model} --seed {wildcards.seed}"
        " --train {input.train} --validation {input.validation} {params.collected}"
        " {params.needed} --output {output.model} --losses {output.log} --state {params.state}"
        " --threads {resources.processors} --processes {resources.gpu} --nodes {resources.nodes}"
        " 2>&1 | record {log}"


rule training:
    input:
        logs=losses,
        statistics="results/{run}/{system}/data/statistics.nc",
    output:
        image=report(
            "results/{run}/figures/{system}_{task}_training.png",
            caption="../report/training.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "training"},
        ),
        pdf="results/{run}/figures/{system}_{task}_training.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_training.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        names=model_names,
        code=stage_digest("training"),
    shell:
        "python -m wdno figure training --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --statistics {input.statistics} --output {output.image}"
        " {input.logs} 2>&1 | record {log}"
