namespace Brook.Bench;

/// <summary>What is compared in one run. A new one is a file or folder in Scenarios/: it is found by being a class here.</summary>
internal abstract class Scenario
{
    /// <summary>Every scenario of this program, by name.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        .. typeof(Scenario).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Scenario)) && !type.IsAbstract)
            .Select(type => (Scenario)Activator.CreateInstance(type)!).OrderBy(scenario => scenario.Name, StringComparer.Ordinal),
    ];

    public abstract string Name { get; }

    /// <summary>What is measured, in a line.</summary>
    public abstract string About { get; }

    /// <summary>What must be known to judge the figures.</summary>
    public abstract IReadOnlyList<string> Notes { get; }

    /// <summary>The peers, in the order they take turns.</summary>
    public abstract IReadOnlyList<Row> Rows { get; }

    public virtual IReadOnlyList<Ratio> Ratios => [];

    /// <summary>Why it cannot run on this machine; null: it can.</summary>
    public virtual string? WhyNot => null;

    /// <summary>Processor time so far of the server that all rows use; null: there is none.</summary>
    public virtual TimeSpan? ServerCpu => null;

    /// <summary>Starts what all rows use, before the first one.</summary>
    public virtual Task StartAsync() => Task.CompletedTask;

    /// <summary>What is no row's, measured after the rows.</summary>
    /// <param name="size">How many entries; 0: as many as the scenario wants.</param>
    public virtual Task<IReadOnlyList<Figure>> FiguresAsync(int size) => Task.FromResult<IReadOnlyList<Figure>>([]);

    public virtual ValueTask StopAsync() => default;
}

/// <summary>One line of the table.</summary>
/// <param name="Name">Its name in the table and the JSON.</param>
/// <param name="Events">How many events one round takes: about a second's worth.</param>
/// <param name="Open">Starts a fresh peer, which is not measured.</param>
internal sealed record Row(string Name, int Events, Func<Task<IPeer>> Open)
{
    /// <summary>How many events get it going first.</summary>
    public int LeadIn { get; init; } = Events / 10;
}

/// <summary>Events per second of one row over those of another, round by round.</summary>
internal sealed record Ratio(string Name, string Row, string Of);

/// <summary>A number with its unit in its name.</summary>
internal sealed record Figure(string Name, double Value);

/// <summary>Somebody who handles events; disposed of after its turn.</summary>
internal interface IPeer : IAsyncDisposable
{
    /// <summary>What comes before a run and is not measured.</summary>
    Task PrepareAsync(int events) => Task.CompletedTask;

    /// <summary>Sends so many events and ends when the last one is handled.</summary>
    Task RunAsync(int events);

    /// <summary>How many events its view has seen in all: a row that loses events is no result.</summary>
    Task<long> AppliedAsync();

    /// <summary>How long the last run took by its own clock; null: as measured from outside.</summary>
    TimeSpan? Took => null;
}
