using System.Text;
using Brook.Lanes;
using Brook.Storage;
using Brook.Stores.Tests.Support;
using Brook.Tests.Shared;
using Brook.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Change;
using static Brook.Tests.Shared.Entries;

namespace Brook.Stores.Tests;

/// <summary>An engine goes on over a copy exactly where it stood: what is known is known, nothing is lost or doubled. The same run without a copy must end with the same store.</summary>
public sealed class ContinuingTests(SharedStores stores)
{
    private const string Name = "test/0";
    private static readonly ViewCollection<int> s_sums = "sums";
    private static readonly Guid[] s_ids = [.. Enumerable.Range(1, 60).Select(i => new Guid(i, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0))];

    // Event 5 fails for good; its key "a" is held. Each tenth event has an id that its caller set, each seventh tells another.
    private static readonly string[] s_events = [.. Enumerable.Range(0, 40).Select(i => Record(i, id: i % 10 == 0 ? s_ids[i] : null))];

    [Theory]
    [MemberData(nameof(SharedStores.Pairs), MemberType = typeof(SharedStores))]
    public async Task A_lane_of_offsets_goes_on_at_its_offset(string from, string to)
        => await SameAsync(from, to, LaneGuard.Offsets,
            async lane => Assert.Equal(new BatchResult(BatchOutcome.Committed, 17, 0, 0, 3), await ByOffsetAsync(lane, 0, 20)),
            async lane =>
            {
                Assert.Equal(20, lane.Lane.NextOffset);
                Assert.Equal(new BatchResult(BatchOutcome.Committed, 0, 0, 20, 0), await ByOffsetAsync(lane, 0, 20));
                Assert.Equal(new BatchResult(BatchOutcome.Committed, 16, 0, 10, 4), await ByOffsetAsync(lane, 10, 40));        // the known half of what comes together stays known
                Assert.Equal(1, (await lane.Lane.ProcessAsync(new[] { Envelope(s_events[10], new(Name, 40)) }, Token)).Duplicates);   // another offset, but its caller's id
            });

    [Theory]
    [MemberData(nameof(SharedStores.Pairs), MemberType = typeof(SharedStores))]
    public async Task A_lane_of_message_ids_knows_the_same_messages_and_the_done_part_of_one(string from, string to)
        => await SameAsync(from, to, LaneGuard.MessageIds,
            async lane =>
            {
                for (var message = 0; message < 6; message++) Assert.Equal((0, 2), ((await ByMessageAsync(lane, message, 2)).Duplicates, (await ByMessageAsync(lane, message, 2)).Duplicates));
                using var cut = new CancellationTokenSource();
                ((CutStore)lane.Store).CutAfter(1, cut);
                await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lane.Lane.ProcessAsync(Message(6, 5), cut.Token));      // 2 of 5 are done
            },
            async lane =>
            {
                foreach (var message in (int[])[2, 3, 4, 5]) Assert.Equal(2, (await ByMessageAsync(lane, message, 2)).Duplicates);   // the last four are remembered
                var cut = await ByMessageAsync(lane, 6, 5);
                Assert.Equal((2, 3), (cut.Duplicates, cut.Applied + cut.SetAside));
                Assert.Equal(5, (await ByMessageAsync(lane, 6, 5)).Duplicates);
                Assert.Equal(0, (await ByMessageAsync(lane, 7, 2)).Duplicates);
                Assert.Equal(1, (await ByMessageAsync(lane, 2, 2)).Duplicates);       // 7 took the slot of 2; but one of its events has its caller's id
            });

    private async Task SameAsync(string from, string to, LaneGuard guard, Func<TestLane, Task> before, Func<TestLane, Task> after)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        var (source, target, uncopied) = (await stores.OpenAsync(from, time), await stores.OpenAsync(to, time), new InMemoryViewStore(time));
        foreach (var store in (IViewStore[])[source, uncopied]) await RunAsync(store, before);
        Assert.Equal(await uncopied.ShowAsync(asJson: true), await source.ShowAsync(asJson: true));
        Assert.NotEmpty((await source.ReadPageAsync("$outbox", "", null, 100, Token)).Entries);
        Assert.NotEmpty((await source.ReadPageAsync("$parked", "", null, 100, Token)).Entries);

        await source.CopyToAsync(target, Token);

        foreach (var store in (IViewStore[])[target, uncopied]) await RunAsync(store, after);
        Assert.Equal(await uncopied.ShowAsync(asJson: true), await target.ShowAsync(asJson: true));
        Assert.Equal(await SentAsync(uncopied), await SentAsync(target));
        Assert.Equal(0, await target.CountAsync("$outbox", Token));

        async Task RunAsync(IViewStore store, Func<TestLane, Task> run)
        {
            await using var lane = await OpenAsync(store);
            await run(lane);
        }

        Task<TestLane> OpenAsync(IViewStore store, FakeTransport? transport = null)
            => TestLane.OpenAsync(brook => Handlers(brook.UseStore(_ => new CutStore(store))), guard, Name, time, transport?.Register);

        // An owner with a transport sends what the others left.
        async Task<string[]> SentAsync(IViewStore store)
        {
            var (transport, rows) = (new FakeTransport(), (await store.ReadPageAsync("$outbox", "", null, 100, Token)).Entries.Count);
            await using var lane = await OpenAsync(store, transport);
            await Until.TrueAsync(() => transport.Sent.Count == rows && lane.Engine.InOutbox == 0, $"{rows} events to leave");
            return [.. transport.Sent.Select(e => Shown.Sorted(e.Record))];
        }
    }

    private static void Handlers(BrookBuilder brook)
    {
        (brook.Options.BatchEvents, brook.Options.RememberedMessages, brook.Options.HandlerAttempts) = (2, 4, 1);
        brook.On<int>("add", e => e.Data == 5 ? throw new InvalidOperationException("five") : Merge(s_sums, e.Key!, sum => sum + e.Data));
        brook.On<int>("tell", e => [Merge(s_sums, e.Key!, sum => sum + e.Data), Send("told", e.Data, e.Key)]);
    }

    private static ValueTask<BatchResult> ByOffsetAsync(TestLane lane, int first, int end)
        => lane.Lane.ProcessAsync(Enumerable.Range(first, end - first).Select(i => Envelope(s_events[i], new(Name, i))).ToArray(), Token);

    private static ValueTask<BatchResult> ByMessageAsync(TestLane lane, int message, int events) => lane.Lane.ProcessAsync(Message(message, events), Token);

    private static EventEnvelope[] Message(int message, int events) => TestLane.Message(Name, s_ids[message], [.. Enumerable.Range(0, events).Select(i => s_events[5 * message + i])]);

    private static EventEnvelope Envelope(string record, EventPosition position) => EventEnvelope.Read(Encoding.UTF8.GetBytes(record), position, DateTimeOffset.UnixEpoch);

    private static string Record(int i, Guid? id)
        => $$"""{"{{(id is null ? "auto_id" : "id")}}":"{{id ?? new Guid(1000 + i, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0)}}","type":"{{(i % 7 == 6 ? "tell" : "add")}}","author":"t","create_ts":1591619696123,"key":"{{(char)('a' + i % 5)}}","data":{{i}}}""";

    /// <summary>Its process can end after so many more commits.</summary>
    private sealed class CutStore(IViewStore inner) : StoreDecorator(inner)
    {
        private (int Commits, CancellationTokenSource? Source) _left;

        public void CutAfter(int commits, CancellationTokenSource source) => _left = (commits, source);

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            if (_left.Source is { } cut && _left.Commits-- == 0)
            {
                await cut.CancelAsync();
                cut.Token.ThrowIfCancellationRequested();
            }
            return await base.CommitAsync(commit, cancellationToken);
        }
    }
}
