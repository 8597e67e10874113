using Brook.Storage;
using Brook.Testing;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests;

/// <summary>Whatever the batches, the failing handlers and the store's faults: the view equals a fold of the events one by one.</summary>
public sealed class CleanFoldTests
{
    private static readonly ViewCollection<List<int>> Lists = "lists";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task The_view_and_its_logs_equal_a_clean_fold(int seed)
    {
        var random = new Random(seed);
        var store = new FaultyViewStore(Stores.New()).FailRandomly(FaultPoint.Read, 0.1, seed).FailRandomly(FaultPoint.BeforeCommit, 0.1, seed + 1).FailRandomly(FaultPoint.AfterCommit, 0.1, seed + 2);
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Options.LogLimit = 3;
            brook.Options.HandlerAttempts = 2;
            brook.UseStore(_ => store).AddHandler<Handler>();
        });
        var (values, logs, held) = (new Dictionary<string, List<int>>(), new Dictionary<string, List<string>>(), new HashSet<string>());
        var setAside = 0;
        for (var batch = 0; batch < 60; batch++)
        {
            var steps = Enumerable.Range(0, random.Next(1, 20)).Select(i => Step.Some(random, batch * 100 + i)).ToArray();
            await lane.ProcessAsync([.. steps.Select(step => TestLane.Event(step.Type, new Data(step.Key, step.Number), step.EventKey))]);
            setAside += steps.Count(step => !step.Fold(values, logs, held));
        }

        store.Heal();
        var found = await lane.View.GetAllAsync(Lists, cancellationToken: Cancellation).ToDictionaryAsync(cancellationToken: Cancellation);
        Assert.Equal(Show(values), Show(found!));
        foreach (var key in Step.Keys)
            Assert.Equal(logs.GetValueOrDefault(key, []), (await lane.View.GetEventsAsync(Lists, key, cancellationToken: Cancellation)).Select(e => $"{e.Type}:{((INumbered)e.Data!).Number}"));
        Assert.True(values.Count > 0 && setAside is > 0 and < 500 && store.Faults > 0, "the seed is worth something");
        Assert.Equal(setAside, await lane.Parked.CountAsync(Cancellation));
    }

    private static string Show(Dictionary<string, List<int>> values) => string.Join("; ", values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"{value.Key}: {string.Join(',', value.Value)}"));

    private interface INumbered
    {
        int Number { get; }
    }

    private sealed record Data(string Key, int Number);

    private sealed record Step(string Type, string Key, int Number, string? EventKey)
    {
        public static readonly string[] Keys = ["a", "b", "c", "d"];

        public static Step Some(Random random, int number)
        {
            var key = Keys[random.Next(Keys.Length)];
            var type = random.Next(12) switch { < 4 => "merged", < 6 => "read", 6 => "made", 7 => "remade", 8 => "removed", 9 => "ignored", 10 => "refused", _ => "late" };
            return new(type, key, number, random.Next(3) == 0 ? null : $"{key}{random.Next(6)}");
        }

        /// <summary>False: it is set aside.</summary>
        public bool Fold(Dictionary<string, List<int>> values, Dictionary<string, List<string>> logs, HashSet<string> held)
        {
            var fails = Type switch { "refused" => Number % 7 == 0, "late" => !values.ContainsKey(Key), _ => false };
            if (fails || (EventKey is not null && held.Contains(EventKey)))
            {
                if (EventKey is not null) held.Add(EventKey);
                return false;
            }
            switch (Type)
            {
                case "ignored": return true;
                case "removed":
                    values.Remove(Key);
                    logs.Remove(Key);
                    return true;
                case "made": values[Key] = [Number]; break;
                case "remade":
                    values[Key] = [-Number];
                    logs.Remove(Key);
                    break;
                case "read": values[Key] = [.. values.GetValueOrDefault(Key, []).TakeLast(3), Number]; break;
                default: values[Key] = [.. values.GetValueOrDefault(Key, []), Number]; break;
            }
            var log = logs.TryGetValue(Key, out var there) ? there : logs[Key] = [];
            log.Add($"{Type}:{Number}");
            if (log.Count(entry => entry.StartsWith($"{Type}:", StringComparison.Ordinal)) > 3) log.Remove(log.First(entry => entry.StartsWith($"{Type}:", StringComparison.Ordinal)));
            return true;
        }
    }

    [EventType("merged")] private sealed record Merged(string Key, int Number) : INumbered;
    [EventType("late")] private sealed record Late(string Key, int Number) : INumbered;
    [EventType("read")] private sealed record ReadBack(string Key, int Number) : INumbered;
    [EventType("made")] private sealed record Made(string Key, int Number) : INumbered;
    [EventType("remade")] private sealed record Remade(string Key, int Number) : INumbered;
    [EventType("removed")] private sealed record Removed(string Key, int Number) : INumbered;
    [EventType("ignored")] private sealed record Ignored(string Key, int Number) : INumbered;
    [EventType("refused")] private sealed record Refused(string Key, int Number) : INumbered;

    private sealed class Handler : IBrookHandler<Merged>, IBrookHandler<Late>, IAsyncBrookHandler<ReadBack>, IBrookHandler<Made>, IBrookHandler<Remade>, IBrookHandler<Removed>, IBrookHandler<Ignored>, IBrookHandler<Refused>
    {
        public Changes Handle(BrookEvent<Merged> e) => Merge(Lists, e.Data.Key, list => Added(list ?? [], e.Data.Number));
        public Changes Handle(BrookEvent<Late> e) => Merge(Lists, e.Data.Key, list => Added(list!, e.Data.Number));
        public Changes Handle(BrookEvent<Made> e) => Create(Lists, e.Data.Key, [e.Data.Number]);
        public Changes Handle(BrookEvent<Remade> e) => [Delete(Lists, e.Data.Key), Create(Lists, e.Data.Key, [-e.Data.Number])];
        public Changes Handle(BrookEvent<Removed> e) => Delete(Lists, e.Data.Key);
        public Changes Handle(BrookEvent<Ignored> e) => Discard;
        public Changes Handle(BrookEvent<Refused> e) => e.Data.Number % 7 == 0 ? throw new InvalidOperationException("No sevens.") : Merge(Lists, e.Data.Key, list => Added(list ?? [], e.Data.Number));

        public async ValueTask<Changes> HandleAsync(BrookEvent<ReadBack> e, HandlerContext context, CancellationToken cancellationToken)
        {
            var list = await context.View.GetAsync(Lists, e.Data.Key, cancellationToken) ?? [];
            return Create(Lists, e.Data.Key, [.. list.TakeLast(3), e.Data.Number]);
        }

        /// <summary>In place: what is folded again must begin with a fresh value.</summary>
        private static List<int> Added(List<int> list, int number)
        {
            list.Add(number);
            return list;
        }
    }
}
