// ./bench/faults --all: every transport with the view in memory and in Redis, one table.
namespace Brook.Faults;

/// <summary>All trials of a fault over a transport and a store.</summary>
internal sealed record MatrixRow(string Transport, string Store, FaultResult Result);

/// <summary>Faults that a transport with a store has not, and why.</summary>
internal sealed record NotApplicable(string Transport, string Store, IReadOnlyList<string> Faults, string Reason);

/// <summary>Runs transports side by side (their trials wait most of the time), each one's faults one after the other, and tells them in order.</summary>
internal sealed class Matrix(int trials, int seed, string? only, TextWriter output)
{
    private static readonly string[] s_transports = ["inmemory", "rabbitmq", "kafka"], s_stores = ["inmemory", "redis"];

    /// <returns>Whether all is exact.</returns>
    public async Task<bool> RunAsync(bool json, CancellationToken cancellationToken)
    {
        var (plan, not) = (new List<Planned>(), new List<NotApplicable>());
        foreach (var (transport, store) in from transport in s_transports.Select(Transport.Of) from store in s_stores.Select(Store.Of) select (transport, store))
        {
            if ((store.WhyNot ?? transport.WhyNot) is { } reason) not.Add(new(transport.Name, store.Name, ["all"], reason));
            else plan.AddRange(transport.FaultsOn(store).Where(fault => only is null ? !fault.IsAskedFor : fault.Name == only).Select(fault => new Planned(transport, store, fault)));
            if (store.WhyNot is null && transport.WhyNot is null) not.AddRange(Missing(transport, store));
        }
        var running = plan.GroupBy(planned => planned.Transport).Select(side => Task.Run(() => RunAsync([.. side], cancellationToken), cancellationToken)).ToList();
        var rows = new List<MatrixRow>();
        await output.WriteLineAsync(Report.MatrixLine(Report.MatrixColumns));
        foreach (var planned in plan)
        {
            var row = await planned.Row.Task;
            rows.Add(row);
            await output.WriteLineAsync(Report.MatrixLine(Report.Cells(row)));
            foreach (var bad in row.Result.Bad) await output.WriteLineAsync($"{Report.Text(bad)}\n  again: ./bench/faults --transport {row.Transport} --store {row.Store} --only {row.Result.Fault} --trials 1 --seed {bad.Seed}");
            await output.FlushAsync(cancellationToken);
        }
        await Task.WhenAll(running);
        await output.WriteLineAsync(Report.MatrixLine(Report.Sums(rows)));
        foreach (var one in not) await output.WriteLineAsync($"not applicable: {one.Transport}, {one.Store}: {string.Join(", ", one.Faults)}: {one.Reason}");
        if (json) await output.WriteLineAsync(Report.Json(rows, not));
        return rows.Count > 0 && !rows.Exists(row => row.Result.Bad.Any());
    }

    private async Task RunAsync(List<Planned> side, CancellationToken cancellationToken)
    {
        await using var pool = new WorkerPool();
        try
        {
            foreach (var (transport, store, fault, done) in side)
            {
                var outcomes = new List<Outcome>();
                for (var trial = 0; trial < trials; trial++) outcomes.Add(await TryAsync(pool, transport, store, fault, seed + trial, cancellationToken));
                done.SetResult(new(transport.Name, store.Name, new(fault.Name, transport.Name, outcomes)));
            }
        }
        catch (Exception e)
        {
            foreach (var planned in side) planned.Row.TrySetException(e);       // who waits for them hears of it
        }
    }

    /// <summary>A trial that could not even be set up is broken, and the others go on.</summary>
    private static async Task<Outcome> TryAsync(WorkerPool pool, Transport transport, Store store, BusFault fault, int seed, CancellationToken cancellationToken)
    {
        try { return await BusTrial.RunAsync(pool, transport, store, fault, seed, null, isShort: false, cancellationToken); }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return new(seed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, $"It could not be set up or taken down: {e}", [], TimeSpan.Zero);
        }
    }

    /// <summary>Faults of the other pairs that this one has not.</summary>
    public static IEnumerable<NotApplicable> Missing(Transport transport, Store store)
    {
        var here = transport.FaultsOn(store).Select(fault => fault.Name).ToHashSet();
        return BusFault.All.Where(fault => !fault.IsAskedFor && !here.Contains(fault.Name) && s_transports.Any(one => s_stores.Any(other => fault.AppliesTo(Transport.Of(one), Store.Of(other)))))
            .OrderByDescending(fault => s_stores.Any(other => fault.AppliesTo(transport, Store.Of(other)))).DistinctBy(fault => fault.Name)
            .GroupBy(fault => Reason(fault, transport, store)).Select(group => new NotApplicable(transport.Name, store.Name, [.. group.Select(fault => fault.Name)], group.Key));
    }

    private static string Reason(BusFault fault, Transport transport, Store store) => fault switch
    {
        LocalFault when store is InMemory && fault.Name == "store-killed" => "a view in memory ends with its process",
        LocalFault when transport is not InMemoryTransport && store is InMemory => "done to the in-memory transport, and over this one in its own way with redis",
        LocalFault => "needs a store that fails as told in the program's own process; here workers are processes, and the store itself, its network or its processes fail",
        RabbitFault when transport is not RabbitTransport => "what goes wrong in RabbitMQ only",
        KafkaFault when transport is not KafkaTransport => "what goes wrong in Kafka only",
        _ when transport is InMemoryTransport => "one process has the queues and all lanes, and what ends it ends them: what is sent and not handled is lost then (docs/guarantees.md)",
        _ => "several nodes cannot share a view in memory, and a killed one's is gone with what it has acknowledged; UseInMemory(perNode: true) gives each node a view from its start on, so there is nothing whole to compare",
    };

    /// <summary>A row to be.</summary>
    private sealed record Planned(Transport Transport, Store Store, BusFault Fault)
    {
        public TaskCompletionSource<MatrixRow> Row { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Deconstruct(out Transport transport, out Store store, out BusFault fault, out TaskCompletionSource<MatrixRow> row) => (transport, store, fault, row) = (Transport, Store, Fault, Row);
    }
}
