# Summaries: what the data sets hold.
#
# Inputs:  {run}/{system}/data/{split}.nc
# Outputs: {run}/{system}/data/statistics.nc    of the training set: spreads, and means by hour
#          {run}/{system}/data/card.{csv,md,tex,html}    what the splits hold, variable by variable
#          {run}/figures/{system}_scene.{png,pdf}        obstacles and test samples
# Steps:   statistics (of the training set, for scores and baselines), card (describe the splits),
#          scene (of a system with obstacles).


rule statistics:
    input:
        "results/{run}/{system}/data/train.nc",
    output:
        "results/{run}/{system}/data/statistics.nc",
    log:
        "results/{run}/logs/{system}/data/statistics.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=stage_digest("statistics"),
    shell:
        "python -m wdno statistics --output {output} {input} 2>&1 | record {log}"


rule card:
    input:
        lambda w: splits_of(w.system),
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


rule scene:
    input:
        "results/{run}/{system}/data/test.nc",
    output:
        image=report(
            "results/{run}/figures/{system}_scene.png",
            caption="../report/scene.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "data", "figure": "scene"},
        ),
        pdf="results/{run}/figures/{system}_scene.pdf",
    log:
        "results/{run}/logs/figures/{system}_scene.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=stage_digest("scene"),
    shell:
        "python -m wdno figure scene --output {output.image} {input} 2>&1 | record {log}"
