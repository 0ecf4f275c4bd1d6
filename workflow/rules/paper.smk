# The paper's tables and figures: from evaluations to its numbers beside those of the run.
#
# Inputs:  {run}/{system}/{task}/methods/{method}/seed{seed}/{metrics.json,scores.nc}    all there are
#          {run}/figures/{system}_{task}_{figure}.png    those that pages show
# Outputs: {run}/paper/index.{md,html}    what of the paper the run has, and at which size
#          {run}/paper/{table,figure}_{number}.{md,html}
# Steps:   paper_pages.


rule paper_pages:
    input:
        metrics=every_evaluation("metrics.json"),
        scores=every_evaluation("scores.nc"),
        figures=paper_figures(),
    output:
        index="results/{run}/paper/index.md",
        pages=paper_pages("results/{run}")[1:],
    log:
        "results/{run}/logs/paper/pages.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        figures=lambda w, input: [f"--figure {file}" for file in input.figures],
        options=section(
            CONFIG.evaluation,
            include={"bootstrap", "confidence", "digits"},
        ),
        # A function, or braces in a label would be taken for wildcards.
        names=lambda w: names(
            {
                system: [method for _, method in methods_of(system)]
                for system in SYSTEMS
            }
        ),
        code=stage_digest("paper", also=published_modules()),
    shell:
        "python -m wdno paper --config {params.config} --output $(dirname {output.index})"
        " {params.figures} $(dirname {input.metrics}) 2>&1 | record {log}"
