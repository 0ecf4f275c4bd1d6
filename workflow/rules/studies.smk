# Studies: from the evaluations of methods whose options are varied to a table and a figure each.
#
# Inputs:  {run}/{system}/{task}/methods/{method}/seed{seed}/{metrics.json,scores.nc}
# Outputs: {run}/tables/study_{study}.{csv,md,tex,html}    errors by the options that are varied
#          {run}/figures/study_{study}.{png,pdf}
# Steps:   study_table, study_figure.


rule study_table:
    input:
        metrics=lambda w: studied("metrics.json", w.study),
        scores=lambda w: studied("scores.nc", w.study),
    output:
        csv="results/{run}/tables/study_{study}.csv",
        tex="results/{run}/tables/study_{study}.tex",
        md="results/{run}/tables/study_{study}.md",
        html=report(
            "results/{run}/tables/study_{study}.html",
            caption="../report/study_table.rst",
            category="Tables",
            labels={"of": "study", "table": "{study}"},
        ),
    log:
        "results/{run}/logs/tables/study_{study}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        title=lambda w: as_rst(CONFIG.studies[w.study].label or w.study),
        cases=lambda w: CONFIG.studies[w.study].cases,
        study=study_section,
        options=section(
            CONFIG.evaluation,
            include={"bootstrap", "confidence", "digits"},
        ),
        names=study_names,
        code=study_code,
    shell:
        "python -m wdno table --study {wildcards.study} --config {params.config}"
        " --output {output.csv} $(dirname {input.metrics}) 2>&1 | record {log}"


rule study_figure:
    input:
        metrics=lambda w: studied("metrics.json", w.study),
        scores=lambda w: studied("scores.nc", w.study),
    output:
        image=report(
            "results/{run}/figures/study_{study}.png",
            caption="../report/study_figure.rst",
            category="Figures",
            subcategory="studies",
            labels={"task": "study", "figure": "{study}"},
        ),
        pdf="results/{run}/figures/study_{study}.pdf",
    log:
        "results/{run}/logs/figures/study_{study}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config="results/{run}/config.yaml",
        title=lambda w: as_rst(CONFIG.studies[w.study].label or w.study),
        cases=lambda w: CONFIG.studies[w.study].cases,
        study=study_section,
        names=study_names,
        code=study_code,
    shell:
        "python -m wdno figure study --study {wildcards.study} --config {params.config}"
        " --output {output.image} $(dirname {input.metrics}) 2>&1 | record {log}"
