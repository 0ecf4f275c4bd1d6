# Figures: from evaluations, studies and training logs to the figures of each system and task.
#
# Inputs:  {run}/{system}/{task}/{method}/seed{seed}/{metrics.json,evaluation.nc}
#          {run}/{system}/{task}/{model}/seed{seed}/{train.jsonl,sampler_study.csv}
# Outputs: {run}/figures/{system}_{task}_{figure}.{png,pdf}
# Steps:   trajectories, error_over_time, spectra, training, error_vs_evaluations: a rule each, which
#          differ in what they read and in their caption.


rule trajectories:
    input:
        metrics=lambda w: evaluated("metrics.json", [w.system]),
        cases=lambda w: evaluated("evaluation.nc", [w.system]),
        statistics="results/{run}/{system}/data/statistics.nc",
    output:
        png=report(
            "results/{run}/figures/{system}_{task}_trajectories.png",
            caption="../report/trajectories.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "trajectories"},
        ),
        pdf="results/{run}/figures/{system}_{task}_trajectories.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_trajectories.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        figure="trajectories",
        inputs=lambda w, input: [str(Path(file).parent) for file in input.metrics],
        config="results/{run}/config.yaml",
        options=section(CONFIG.evaluation, include={"show"}),
        code=stage_digest("figure"),
    shell:
        "python -m wdno figure {params.figure} --config {params.config}"
        " --system {wildcards.system} --task {wildcards.task} --statistics {input.statistics}"
        " --output {output[0]} {params.inputs} 2>&1 | record {log}"


use rule trajectories as error_over_time with:
    output:
        png=report(
            "results/{run}/figures/{system}_{task}_error_over_time.png",
            caption="../report/error_over_time.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "error over time"},
        ),
        pdf="results/{run}/figures/{system}_{task}_error_over_time.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_error_over_time.log",
    params:
        figure="error_over_time",
        options="",


use rule trajectories as spectra with:
    output:
        png=report(
            "results/{run}/figures/{system}_{task}_spectra.png",
            caption="../report/spectra.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "spectra"},
        ),
        pdf="results/{run}/figures/{system}_{task}_spectra.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_spectra.log",
    params:
        figure="spectra",
        options="",


use rule trajectories as training with:
    input:
        drawn=lambda w: trained("train.jsonl", [w.system]),
        statistics="results/{run}/{system}/data/statistics.nc",
    output:
        png=report(
            "results/{run}/figures/{system}_{task}_training.png",
            caption="../report/training.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "training"},
        ),
        pdf="results/{run}/figures/{system}_{task}_training.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_training.log",
    params:
        figure="training",
        inputs=lambda w, input: input.drawn,
        options=model_labels,


use rule trajectories as error_vs_evaluations with:
    input:
        drawn=lambda w: studies([w.system]),
        statistics="results/{run}/{system}/data/statistics.nc",
    output:
        png=report(
            "results/{run}/figures/{system}_{task}_error_vs_evaluations.png",
            caption="../report/error_vs_evaluations.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "error vs evaluations"},
        ),
        pdf="results/{run}/figures/{system}_{task}_error_vs_evaluations.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_error_vs_evaluations.log",
    params:
        figure="error_vs_evaluations",
        inputs=lambda w, input: input.drawn,
        options=model_labels,
