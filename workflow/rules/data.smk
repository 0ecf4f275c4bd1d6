# Data: from a system's equations, or from records, to its data sets.
#
# Inputs:  none; initial states and forcings are drawn from the system's distributions, records are
#          downloaded once into a cache outside of the results.
# Outputs: {run}/{system}/data/record.nc        of a recorded system: what samples are cut from
#          {run}/{system}/data/{split}.nc       trajectories, as self-describing NetCDF-4
#          {run}/{system}/data/fine.nc          the first test trajectories, on a finer grid
# Steps:   fetch (get the record), generate (draw and solve the samples of a split, or cut them).
#
# Interrupted, `fetch` and `generate` keep their finished parts in {run}/.state and continue there.


# On the machine that Snakemake runs on: the nodes of a cluster may have no network.
localrules:
    fetch,


rule fetch:
    input:
        lambda w: data_of(w).options.files(),
    output:
        "results/{run}/{system}/data/record.nc",
    log:
        "results/{run}/logs/{system}/data/record.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        config="results/{run}/config.yaml",
        state="results/{run}/.state/{system}/data/record",
        options=lambda w: section(data_of(w).options),
        code=lambda w: stage_digest("fetch", system=w.system),
    shell:
        "python -m wdno fetch --config {params.config} --system {wildcards.system}"
        " --output {output} --state {params.state} 2>&1 | record {log}"


rule generate:
    input:
        record=lambda w: (
            f"{RUN}/{w.system}/data/record.nc" if data_of(w).options.recorded else []
        ),
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
        record=lambda w, input: f"--record {input.record}" if input.record else "",
        options=lambda w: section(split_of(w)[0]),
        seed=lambda w: data_of(w).data.seed,
        samples=lambda w: split_of(w)[1],
        code=lambda w: stage_digest("generate", system=w.system),
    shell:
        "python -m wdno generate --config {params.config} --system {wildcards.system}"
        " --split {wildcards.split} {params.record} --output {output} --state {params.state}"
        " --threads {resources.processors} 2>&1 | record {log}"
