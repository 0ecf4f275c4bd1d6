# Simulation: from evaluations to the table of the task and the figures of each system.
#
# Inputs:  {run}/{system}/simulation/methods/{method}/seed{seed}/{metrics.json,scores.nc}
#          {run}/{system}/simulation/methods/{method}/seed{seed}/examples.nc    for figures
# Outputs: {run}/tables/simulation.{csv,md,tex,html}    errors and cost of every method
#          {run}/figures/{system}_simulation_{figure}.{png,pdf}, animation: .gif
# Steps:   simulation_table; simulation_{figure}, a rule for each figure that the task has of some
#          system, which differ in their caption and in the options that they show.


rule simulation_table:
    input:
        metrics=evaluated("metrics.json", "simulation"),
        scores=evaluated("scores.nc", "simulation"),
    output:
        csv="results/{run}/tables/simulation.csv",
        tex="results/{run}/tables/simulation.tex",
        md="results/{run}/tables/simulation.md",
        html=report(
            "results/{run}/tables/simulation.html",
            caption="../report/simulation/table.rst",
            category="Tables",
            labels={"of": "simulation", "table": "errors and cost of every method"},
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
            CONFIG.evaluation,
            include={"reference", "bootstrap", "confidence", "digits"},
        ),
        names=method_names("simulation"),
        code=stage_digest("table", task="simulation"),
    shell:
        "python -m wdno table --task simulation --config {params.config} --output {output.csv}"
        " $(dirname {input.metrics}) 2>&1 | record {log}"


for figure, suffix in figures_of("simulation").items():

    rule:
        name:
            f"simulation_{figure}"
        input:
            metrics=lambda w: evaluated("metrics.json", "simulation", [w.system]),
            scores=lambda w: evaluated("scores.nc", "simulation", [w.system]),
            examples=lambda w: evaluated("examples.nc", "simulation", [w.system]),
        output:
            image=report(
                f"results/{{run}}/figures/{{system}}_simulation_{figure}.{suffix}",
                caption=f"../report/simulation/{figure}.rst",
                category="Figures",
                subcategory="{system}",
                labels={"task": "simulation", "figure": figure.replace("_", " ")},
            ),
            pdf=also_pdf(
                f"results/{{run}}/figures/{{system}}_simulation_{figure}.{suffix}"
            ),
        log:
            f"results/{{run}}/logs/figures/{{system}}_simulation_{figure}.log",
        conda:
            "../../environment.yml"
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            figure=figure,
            config="results/{run}/config.yaml",
            # The other figures show every method.
            options=section(
                CONFIG.evaluation,
                include={"show"} if figure == "trajectories" else set(),
            ),
            names=lambda w: method_names("simulation", [w.system]),
            code=stage_digest("figure", task="simulation"),
        shell:
            "python -m wdno figure {params.figure} --task simulation --config {params.config}"
            " --output {output.image} $(dirname {input.metrics}) 2>&1 | record {log}"
