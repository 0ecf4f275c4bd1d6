# Tasks: from evaluations to the table of each task and its figures of each system.
#
# Inputs:  {run}/{system}/{task}/methods/{method}/seed{seed}/{metrics.json,scores.nc}
#          {run}/{system}/{task}/methods/{method}/seed{seed}/examples.nc    for figures
# Outputs: {run}/tables/{task}.{csv,md,tex,html}    scores and cost of every method
#          {run}/tables/{system}_{task}.{csv,md,tex,html}    the same of one system, for its target
#          {run}/tables/{task}_ranks.csv    mean ranks over systems, of tasks that rank methods
#          {run}/figures/{system}_{task}_{figure}.{png,pdf}, animations: .gif
# Steps:   {task}_table, {task}_system_table; {task}_{figure}, a rule for each figure that the task has of some system.
#          They have the names of what they make, and captions from report/{task}/.


for task in TASKS:

    # Of the whole run, and of each system by itself.
    for scope in ("", "system_"):

        rule:
            name:
                f"{task}_{scope}table"
            input:
                metrics=table_inputs("metrics.json", task, scope),
                scores=table_inputs("scores.nc", task, scope),
            output:
                csv=f"{table_stem(task, scope)}.csv",
                tex=f"{table_stem(task, scope)}.tex",
                md=f"{table_stem(task, scope)}.md",
                html=report(
                    f"{table_stem(task, scope)}.html",
                    caption=f"../report/{task}/table.rst",
                    category="Tables",
                    labels={"of": task, "table": "scores and cost of every method"}
                    | ({"system": "{system}"} if scope else {}),
                ),
                ranks=[] if scope else ranks_of(task),
            log:
                f"{table_stem(task, scope, 'logs/tables')}.log",
            conda:
                "../../environment.yml"
            resources:
                mem_mb=2000,
                runtime=30,
            params:
                task=task,
                config="results/{run}/config.yaml",
                options=section(
                    CONFIG.evaluation,
                    include={"bootstrap", "confidence", "digits"},
                ),
                reference=configuration.reference(CONFIG, task),
                names=system_method_names(task) if scope else table_names(task),
                code=stage_digest("table", task=task),
            shell:
                "python -m wdno table --task {params.task} --config {params.config}"
                " --output {output.csv} $(dirname {input.metrics}) 2>&1 | record {log}"

    for figure, suffix in figures_of(task).items():

        rule:
            name:
                f"{task}_{figure}"
            input:
                metrics=evaluated_of("metrics.json", task),
                scores=evaluated_of("scores.nc", task),
                examples=evaluated_of("examples.nc", task),
            output:
                image=report(
                    f"results/{{run}}/figures/{{system}}_{task}_{figure}.{suffix}",
                    caption=f"../report/{task}/{figure}.rst",
                    category="Figures",
                    subcategory="{system}",
                    labels={"task": task, "figure": figure.replace("_", " ")},
                ),
                pdf=also_pdf(
                    f"results/{{run}}/figures/{{system}}_{task}_{figure}.{suffix}"
                ),
            log:
                f"results/{{run}}/logs/figures/{{system}}_{task}_{figure}.log",
            conda:
                "../../environment.yml"
            resources:
                mem_mb=2000,
                runtime=30,
            params:
                task=task,
                figure=figure,
                config="results/{run}/config.yaml",
                # The other figures show every method.
                options=section(
                    CONFIG.evaluation,
                    include={"show"} if figure in selective_figures(task) else set(),
                ),
                reference=(
                    configuration.reference(CONFIG, task)
                    if figure in referring_figures(task)
                    else None
                ),
                names=system_method_names(task),
                code=stage_digest("figure", task=task),
            shell:
                "python -m wdno figure {params.figure} --task {params.task}"
                " --config {params.config} --output {output.image} $(dirname {input.metrics})"
                " 2>&1 | record {log}"
