# Data: from a system's equations to its data sets.
#
# Inputs:  none; initial states and forcings are drawn from the system's distributions.
# Outputs: {run}/{system}/data/{split}.nc       trajectories, as self-describing NetCDF-4
#          {run}/{system}/data/card.{csv,md,tex,html}    what the splits hold, variable by variable
# Steps:   generate (draw and solve the samples of a split), card (describe the splits).
#
# An interrupted `generate` keeps its finished parts in {run}/.state and continues from them.


rule generate:
    output:
        "results/{run}/{system}/data/{split}.nc",
    log:
        "results/{run}/logs/{system}/data/{split}.log",
    benchmark:
        "results/{run}/benchmarks/{system}/data/{split}.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        processors=processors,
        mem_mb=2000,
        runtime=240,
    params:
        config="results/{run}/config.yaml",
        state="results/{run}/.state/{system}/data/{split}",
        options=lambda w: section(data_of(w).options),
        seed=lambda w: data_of(w).data.seed,
        samples=lambda w: getattr(data_of(w).data.samples, w.split),
        code=lambda w: stage_digest("generate", system=w.system),
    shell:
        "python -m wdno generate --config {params.config} --system {wildcards.system}"
        " --split {wildcards.split} --output {output} --state {params.state}"
        " --threads {resources.processors} 2>&1 | record {log}"


rule card:
    input:
        expand("results/{{run}}/{{system}}/data/{split}.nc", split=SPLITS),
    output:
        csv="results/{run}/{system}/data/card.csv",
        tex="results/{run}/{system}/data/card.tex",
        md="results/{run}/{system}/data/card.md",
        html=report(
            "results/{run}/{system}/data/card.html",
            caption="../report/card.rst",
            category="Data",
            subcategory="{system}",
            labels={"system": "{system}", "content": "data card"},
        ),
    log:
        "results/{run}/logs/{system}/data/card.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=stage_digest("card"),
    shell:
        "python -m wdno card --output {output.csv} {input} 2>&1 | record {log}"
