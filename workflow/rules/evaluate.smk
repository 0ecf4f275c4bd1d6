# Evaluation: from models to errors.
#
# Inputs:  {run}/{system}/data/{test,statistics}.nc
#          {run}/{system}/{task}/{model}/seed{seed}/model.safetensors    but for untrained baselines
# Outputs: {run}/{system}/{task}/{method}/seed{seed}/metrics.json        mean errors, cost
#          {run}/{system}/{task}/{method}/seed{seed}/evaluation.nc       errors by case, examples
#          {run}/{system}/{task}/{model}/seed{seed}/sampler_study.csv    errors by sampler and steps
# Steps:   evaluate (a method: a model and how it is sampled, or a baseline),
#          study (a diffusion model with many samplers, on the first cases of the test set).


rule evaluate:
    input:
        data="results/{run}/{system}/data/test.nc",
        statistics="results/{run}/{system}/data/statistics.nc",
        checkpoint=checkpoint,
    output:
        metrics="results/{run}/{system}/{task}/{method}/seed{seed}/metrics.json",
        cases="results/{run}/{system}/{task}/{method}/seed{seed}/evaluation.nc",
    log:
        "results/{run}/logs/{system}/{task}/{method}/seed{seed}/evaluate.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/{method}/seed{seed}/evaluate.tsv"
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
        checkpoint=lambda w, input: (
            f"--checkpoint {input.checkpoint}" if input.checkpoint else ""
        ),
        method=lambda w: section(method_of(w)),
        evaluation=section(CONFIG.evaluation, include={"batch_size", "examples"}),
        code=model_code("evaluate"),
    shell:
        "python -m wdno evaluate --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --method {wildcards.method} --seed {wildcards.seed}"
        " --data {input.data} --statistics {input.statistics} {params.checkpoint}"
        " --output $(dirname {output.metrics}) --threads {resources.processors} 2>&1 | record {log}"


rule study:
    input:
        data="results/{run}/{system}/data/test.nc",
        statistics="results/{run}/{system}/data/statistics.nc",
        checkpoint="results/{run}/{system}/{task}/{model}/seed{seed}/model.safetensors",
    output:
        "results/{run}/{system}/{task}/{model}/seed{seed}/sampler_study.csv",
    log:
        "results/{run}/logs/{system}/{task}/{model}/seed{seed}/study.log",
    benchmark:
        "results/{run}/benchmarks/{system}/{task}/{model}/seed{seed}/study.tsv"
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
        study=section(CONFIG.sampler_study, exclude={"models", "systems"}),
        evaluation=section(CONFIG.evaluation, include={"batch_size"}),
        code=model_code("study"),
    shell:
        "python -m wdno study --config {params.config} --system {wildcards.system}"
        " --task {wildcards.task} --model {wildcards.model} --seed {wildcards.seed}"
        " --data {input.data} --statistics {input.statistics} --checkpoint {input.checkpoint}"
        " --output {output} --threads {resources.processors} 2>&1 | record {log}"
