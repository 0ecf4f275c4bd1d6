# Evaluation: from models to errors.
#
# Inputs:  {run}/{system}/data/{split}.nc    the splits that the task reads, such as test
#          {run}/{system}/data/statistics.nc
#          {run}/{system}/{task}/models/{model}/seed{seed}/model.safetensors   but for baselines
# Outputs: {run}/{system}/{task}/methods/{method}/seed{seed}/metrics.json    mean errors, cost
#          {run}/{system}/{task}/methods/{method}/seed{seed}/scores.nc       errors by case
#          {run}/{system}/{task}/methods/{method}/seed{seed}/examples.nc     a few cases whole
# Steps:   evaluate (a method of a task: a model and how it is sampled, or a baseline; the methods
#          of a study are evaluated as any other).


rule evaluate:
    input:
        data=data_for("test"),
        statistics="results/{run}/{system}/data/statistics.nc",
        models=checkpoints,
    output:
        metrics="results/{run}/{system}/{task}/methods/{method}/seed{seed}/metrics.json",
        scores="results/{run}/{system}/{task}/methods/{method}/seed{seed}/scores.nc",
        examples="results/{run}/{system}/{task}/methods/{method}/seed{seed}/examples.nc",
    log:
        "results/{run}/logs/{system}/{task}/methods/{method}/seed{seed}/evaluate.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/methods/{method}/seed{seed}/evaluate.tsv"
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
        data=data_arguments,
        models=model_arguments,
        method=method_section,
        task=task_section,
        evaluation=section(CONFIG.evaluation, include={"batch_size", "examples"}),
        code=evaluation_code,
    shell:
        "python -m wdno evaluate --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --method {wildcards.method} --seed {wildcards.seed}"
        " {params.data} {params.models} --statistics {input.statistics}"
        " --output $(dirname {output.metrics}) --threads {resources.processors} 2>&1 | record {log}"
