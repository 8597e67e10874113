namespace Brook.Bench;

/// <summary>What is compared in one run. A new one is one file in Scenarios/: it is found by being a class here.</summary>
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
}

/// <summary>One line of the table.</summary>
/// <param name="Name">Its name in the table and the JSON.</param>
/// <param name="Events">How many events one round takes: about a second's worth.</param>
/// <param name="Open">Starts a fresh peer, which is not measured.</param>
internal sealed record Row(string Name, int Events, Func<Task<IPeer>> Open);

/// <summary>Events per second of one row over those of another, round by round.</summary>
internal sealed record Ratio(string Name, string Row, string Of);

/// <summary>Somebody who handles events; disposed of after its turn.</summary>
internal interface IPeer : IAsyncDisposable
{
    /// <summary>Sends so many events and ends when the last one is handled.</summary>
    Task RunAsync(int events);

    /// <summary>How many events its view has seen in all: a row that loses events is no result.</summary>
    Task<long> AppliedAsync();
}
