using System.Collections.Concurrent;
using Brook.Lanes;
using Brook.Storage;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.SettingAside;

/// <summary>Handlers whose events fail while their number is broken: "note" appends its number to the list of its key, "twice" to its key's and to the common one, "tell" sends as well.</summary>
internal sealed class Ledger
{
    public static readonly ViewCollection<List<int>> Lists = "lists";

    public ConcurrentDictionary<int, Exception> Broken { get; } = [];
    public ConcurrentQueue<int> Tried { get; } = [];

    public Ledger(params ReadOnlySpan<int> broken)
    {
        foreach (var number in broken) Break(number);
    }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Break(int number) => Broken[number] = new InvalidOperationException($"broken: {number}");

    public void Mend(int number) => Broken.TryRemove(number, out _);

    public static string Note(int number, string? key, Guid? id = null) => TestLane.Event("note", number, key, id);

    /// <summary>A node with the lane; by default nothing is tried again by itself.</summary>
    public Task<TestLane> OpenAsync(IViewStore store, LaneGuard guard = LaneGuard.Offsets, string name = "test/0", Action<BrookBuilder>? configure = null, TimeProvider? time = null, Action<IServiceCollection>? services = null) => TestLane.OpenAsync(brook =>
    {
        brook.Options.HandlerAttempts = 1;
        brook.Options.ParkedRetryDelay = TimeSpan.Zero;
        brook.UseStore(_ => store)
            .On<int>("note", e => Handle(e, Append(e.Key ?? "none", e.Data)))
            .On<int>("twice", e => Handle(e, [Append(e.Key!, e.Data), Append("common", e.Data)]))
            .On<int>("tell", e => Handle(e, [Append(e.Key!, e.Data), Send("told", e.Data, e.Key)]));
        configure?.Invoke(brook);
    }, guard, name, time, services);

    public static async Task<List<int>> ListAsync(TestLane lane, string key = "a") => await lane.View.GetAsync(Lists, key, Token) ?? [];

    public static async Task<List<ParkedEvent>> RowsAsync(TestLane lane) => await lane.Parked.ListAsync(cancellationToken: Token).ToListAsync(Token);

    private Changes Handle(BrookEvent<int> e, Changes changes)
    {
        Tried.Enqueue(e.Data);
        return Broken.TryGetValue(e.Data, out var error) ? throw error : changes;
    }

    private static Change Append(string key, int number) => Merge(Lists, key, [], list => [.. list, number]);
}
