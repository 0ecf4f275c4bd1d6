# Training: from data sets to models.
#
# Inputs:  {run}/{system}/data/{train,validation}.nc
# Outputs: {run}/{system}/{task}/{model}/seed{seed}/model.safetensors    weights, scales, options
#          {run}/{system}/{task}/{model}/seed{seed}/train.jsonl          losses, step by step
# Steps:   train (once for each model and seed; methods that differ in sampling share the model).
#
# Snakemake deletes the outputs of a job that fails, so the trainer keeps its state elsewhere, in
# {run}/.state, and an interrupted training continues there when it is run again.


rule train:
    input:
        train="results/{run}/{system}/data/train.nc",
        validation="results/{run}/{system}/data/validation.nc",
    output:
        model="results/{run}/{system}/{task}/{model}/seed{seed}/model.safetensors",
        log="results/{run}/{system}/{task}/{model}/seed{seed}/train.jsonl",
    log:
        "results/{run}/logs/{system}/{task}/{model}/seed{seed}/train.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/{model}/seed{seed}/train.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        gpu=GPU,
        processors=processors,
        mem_mb=lambda w, input: 2000 + 2 * held_mb(input),
        runtime=720,
    params:
        config="results/{run}/config.yaml",
        state="results/{run}/.state/{system}/{task}/{model}/seed{seed}",
        # A label is for readers, and how often the state is saved changes nothing.
        options=lambda w: section(
            model_of(w), exclude={"label": True, "training": {"checkpoint_seconds"}}
        ),
        code=model_code("train"),
    shell:
        "python -m wdno train --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --model {wildcards.model} --seed {wildcards.seed}"
        " --train {input.train} --validation {input.validation} --output {output.model}"
        " --log {output.log} --state {params.state} --threads {resources.processors}"
        " 2>&1 | record {log}"
