# Figures that only some systems have: of two space axes, of series, of a scene.
#
# Inputs:  {run}/{system}/{task}/{method}/seed{seed}/{metrics.json,evaluation.nc}
#          {run}/{system}/data/test.nc
# Outputs: {run}/figures/{system}_{task}_animation.gif
#          {run}/figures/{system}_{task}_series.{png,pdf}, {system}_scene.{png,pdf}
# Steps:   animation, series: as the rule trajectories, of all methods; scene: from the test set alone.


use rule trajectories as animation with:
    output:
        image=report(
            "results/{run}/figures/{system}_{task}_animation.gif",
            caption="../report/animation.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "animation"},
        ),
    log:
        "results/{run}/logs/figures/{system}_{task}_animation.log",
    params:
        figure="animation",
        options="",


use rule trajectories as series with:
    output:
        image=report(
            "results/{run}/figures/{system}_{task}_series.png",
            caption="../report/series.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "{task}", "figure": "series"},
        ),
        pdf="results/{run}/figures/{system}_{task}_series.pdf",
    log:
        "results/{run}/logs/figures/{system}_{task}_series.log",
    params:
        figure="series",
        options="",


rule scene:
    input:
        test="results/{run}/{system}/data/test.nc",
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
        config="results/{run}/config.yaml",
        code=stage_digest("figure"),
    shell:
        "python -m wdno figure scene --config {params.config} --system {wildcards.system}"
        " --output {output.image} {input.test} 2>&1 | record {log}"
