# Tables: from evaluations to the tables of the run.
#
# Inputs:  {run}/{system}/{task}/{method}/seed{seed}/{metrics.json,evaluation.nc}
#          {run}/{system}/{task}/{model}/seed{seed}/sampler_study.csv
# Outputs: {run}/tables/simulation.{csv,md,tex,html}    errors and cost of every method
#          {run}/tables/samplers.{csv,md,tex,html}      error by sampler and network evaluations
# Steps:   simulation_table, samplers_table.


rule simulation_table:
    input:
        metrics=evaluated("metrics.json"),
        cases=evaluated("evaluation.nc"),
    output:
        csv="results/{run}/tables/simulation.csv",
        tex="results/{run}/tables/simulation.tex",
        md="results/{run}/tables/simulation.md",
        html=report(
            "results/{run}/tables/simulation.html",
            caption="../report/simulation_table.rst",
            category="Tables",
            labels={"task": "simulation", "table": "errors and cost of every method"},
        ),
    log:
        "results/{run}/logs/tables/simulation.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        options=section(
            CONFIG.evaluation, include={"reference", "bootstrap", "confidence"}
        ),
        code=stage_digest("table"),
    shell:
        "python -m wdno table simulation --config {params.config} --output {output.csv}"
        " $(dirname {input.metrics}) 2>&1 | record {log}"


rule samplers_table:
    input:
        studies(),
    output:
        csv="results/{run}/tables/samplers.csv",
        tex="results/{run}/tables/samplers.tex",
        md="results/{run}/tables/samplers.md",
        html=report(
            "results/{run}/tables/samplers.html",
            caption="../report/samplers_table.rst",
            category="Tables",
            labels={"task": "simulation", "table": "samplers"},
        ),
    log:
        "results/{run}/logs/tables/samplers.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        labels=model_labels,
        code=stage_digest("table"),
    shell:
        "python -m wdno table samplers --config {params.config} --output {output.csv} {input}"
        " 2>&1 | record {log}"
