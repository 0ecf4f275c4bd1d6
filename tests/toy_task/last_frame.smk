# Last frame: from evaluations to the table of the task and the figures of each system.
#
# Inputs:  {run}/{system}/last_frame/methods/{method}/seed{seed}/{metrics.json,scores.nc}
#          {run}/{system}/last_frame/methods/{method}/seed{seed}/examples.nc    for figures
# Outputs: {run}/tables/last_frame.{csv,md,tex,html}
#          {run}/figures/{system}_last_frame_errors.{png,pdf}
# Steps:   last_frame_table, last_frame_errors.


rule last_frame_table:
    input:
        metrics=evaluated("metrics.json", "last_frame"),
        scores=evaluated("scores.nc", "last_frame"),
    output:
        csv="results/{run}/tables/last_frame.csv",
        tex="results/{run}/tables/last_frame.tex",
        md="results/{run}/tables/last_frame.md",
        html=report(
            "results/{run}/tables/last_frame.html",
            caption="../report/last_frame/table.rst",
            category="Tables",
            labels={"of": "last frame", "table": "errors of every method"},
        ),
    log:
        "results/{run}/logs/tables/last_frame.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        options=section(CONFIG.evaluation, include={"digits"}),
        names=method_names("last_frame"),
        code=stage_digest("table", task="last_frame"),
    shell:
        "python -m wdno table --task last_frame --config {params.config} --output {output.csv}"
        " $(dirname {input.metrics}) 2>&1 | record {log}"


rule last_frame_errors:
    input:
        metrics=lambda w: evaluated("metrics.json", "last_frame", [w.system]),
        scores=lambda w: evaluated("scores.nc", "last_frame", [w.system]),
        examples=lambda w: evaluated("examples.nc", "last_frame", [w.system]),
    output:
        image=report(
            "results/{run}/figures/{system}_last_frame_errors.png",
            caption="../report/last_frame/errors.rst",
            category="Figures",
            subcategory="{system}",
            labels={"task": "last frame", "figure": "errors"},
        ),
        pdf="results/{run}/figures/{system}_last_frame_errors.pdf",
    log:
        "results/{run}/logs/figures/{system}_last_frame_errors.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        names=lambda w: method_names("last_frame", [w.system]),
        code=stage_digest("figure", task="last_frame"),
    shell:
        "python -m wdno figure errors --task last_frame --config {params.config}"
        " --output {output.image} $(dirname {input.metrics}) 2>&1 | record {log}"
