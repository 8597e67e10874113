using System.Buffers;
using System.Text;
using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Testing;

/// <summary>One run: an engine, a lane, and what came out.</summary>
internal sealed class ScenarioRun : IAsyncDisposable
{
    private const string LaneName = "scenario/0";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly string _name;
    private readonly ServiceProvider _provider;
    private readonly SettableClock _clock;
    private readonly BrookEngine _engine;
    private readonly Lane _lane;
    private readonly List<string> _given = [], _when = [];
    private long _offset;

    private ScenarioRun(string name, ServiceProvider provider, SettableClock clock, BrookEngine engine, Lane lane) => (_name, _provider, _clock, _engine, _lane) = (name, provider, clock, engine, lane);

    public IBrookView View => _provider.GetRequiredService<IBrookView>();

    /// <summary>What became of the When events.</summary>
    public BatchResult When { get; private set; }

    public IReadOnlyList<FoundRow> SetAside { get; private set; } = [];

    /// <summary>What the When events sent.</summary>
    public IReadOnlyList<FoundRow> Sent { get; private set; } = [];

    public static async Task<ScenarioRun> StartAsync(string name, Action<BrookBuilder> configure, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var clock = new SettableClock(now);
        var services = new ServiceCollection().AddSingleton<TimeProvider>(clock);
        BrookBuilder.Register(services, "", brook =>
        {
            brook.Options.Author = "scenario";
            (brook.Options.RetryDelay, brook.Options.ParkedRetryDelay) = (TimeSpan.Zero, TimeSpan.Zero);
            configure(brook);
        });
        var provider = services.BuildServiceProvider();
        try
        {
            var engine = provider.GetRequiredKeyedService<BrookEngine>("");
            return new(name, provider, clock, engine, await engine.OpenLaneAsync(LaneName, LaneGuard.Offsets, cancellationToken));
        }
        catch
        {
            await provider.DisposeAsync();
            throw;
        }
    }

    public void SetClock(DateTimeOffset now) => _clock.Now = now;

    public async Task HandleAsync(List<ScenarioEvent> events, CancellationToken cancellationToken)
    {
        var sentBefore = 0;
        When = new BatchResult(BatchOutcome.Committed, 0, 0, 0, 0);
        for (var i = 0; i < events.Count;)
        {
            var first = events[i];
            var batch = events.Skip(i).TakeWhile(e => e.At == first.At && e.IsWhen == first.IsWhen).ToArray();
            i += batch.Length;
            var result = await HandleTogetherAsync(batch, cancellationToken);
            SetAside = await ReadSetAsideAsync(cancellationToken);
            if (first.IsWhen) When = When.Plus(result);
            else if (SetAside.Count > 0) throw Failed("a given event was set aside", $"  events set aside before When\n    expected: none\n    found:    {SetAside[0]}");
            if (!first.IsWhen) sentBefore = (await ReadSentAsync(cancellationToken)).Count;
        }
        Sent = [.. (await ReadSentAsync(cancellationToken)).Skip(sentBefore)];
    }

    public async Task CheckAsync(Expectation[] expectations, CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var expectation in expectations)
            if (await expectation.Check(this, cancellationToken) is { } mismatch)
                failures.Add($"  {expectation.What}\n    expected: {mismatch.Expected}\n    found:    {mismatch.Found}");
        if (failures.Count > 0) throw Failed(failures.Count == 1 ? "an expectation does not hold" : $"{failures.Count} expectations do not hold", string.Join("\n", failures));
    }

    /// <summary>The JSON of an entry; null: there is none.</summary>
    public async ValueTask<string?> StoredAsync(string collection, string key, CancellationToken cancellationToken)
    {
        var entry = (await _engine.Store.ReadAsync(new EntryKey[] { new(collection, key) }, cancellationToken))[0];
        return entry.IsMissing ? null : Encoding.UTF8.GetString(entry.Value.Span);
    }

    public string Json<T>(T value)
    {
        var json = new ArrayBufferWriter<byte>();
        _engine.Serializer.Write(value, json);
        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    public async ValueTask DisposeAsync()
    {
        await _lane.DisposeAsync();
        await _provider.DisposeAsync();
    }

    private async Task<BatchResult> HandleTogetherAsync(ScenarioEvent[] batch, CancellationToken cancellationToken)
    {
        SetClock(batch[0].At);
        var received = Array.ConvertAll(batch, Envelope);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var processing = _lane.ProcessAsync(received, ending.Token).AsTask();
        for (var started = TimeProvider.System.GetTimestamp(); !processing.IsCompleted && _lane.Halted is null && TimeProvider.System.GetElapsedTime(started) < Deadline;)
            await Task.WhenAny(processing, Task.Delay(10, cancellationToken));
        if (processing.IsCompleted) return await processing;
        await ending.CancelAsync();
        throw _lane.Halted is { } halted
            ? Failed("the lane stands still", $"  {halted}")
            : Failed($"a handler did not end within {Deadline.TotalSeconds} seconds", "  a synchronous handler that blocks, or a store that is away, is waited for without end");
    }

    private EventEnvelope Envelope(ScenarioEvent scenarioEvent)
    {
        var e = scenarioEvent.Make(_engine);
        (scenarioEvent.IsWhen ? _when : _given).Add(e.ToString());
        var record = new ArrayBufferWriter<byte>();
        var number = (int)_offset + 1;
        EventWriter.Write(e.Stamped(e.Id == default ? new Guid(number, 0, 0, new byte[8]) : e.Id, callersId: e.Id != default, e.Author.Length == 0 ? _engine.Options.Author : e.Author,
            e.CreatedAt == default ? scenarioEvent.At : e.CreatedAt, e.Headers), _engine.Serializer, record);
        return EventEnvelope.Read(record.WrittenMemory, new EventPosition(LaneName, _offset++), scenarioEvent.At);
    }

    private async Task<List<FoundRow>> ReadSetAsideAsync(CancellationToken cancellationToken)
    {
        var rows = new List<FoundRow>();
        await foreach (var row in _provider.GetRequiredService<IParkedEvents>().ListAsync(cancellationToken: cancellationToken)) rows.Add(new(row.Type, row.Key, row.Error));
        return rows;
    }

    /// <summary>There is no transport, so what was sent stays in the outbox.</summary>
    private async Task<List<FoundRow>> ReadSentAsync(CancellationToken cancellationToken)
    {
        var rows = new List<KeyValuePair<string, StoredEntry>>();
        for (string? after = null; ;)
        {
            var page = await _engine.Store.ReadPageAsync("$outbox", "", after, 500, cancellationToken);
            rows.AddRange(page.Entries);
            if ((after = page.Next) is null) break;
        }
        return [.. rows.OrderBy(row => row.Key, StringComparer.Ordinal).Select(row => EventEnvelope.Read(row.Value.Value, default, default))
            .Select(sent => new FoundRow(sent.Type, sent.Key, Encoding.UTF8.GetString(sent.Data.Span)))];
    }

    private HandlerScenarioException Failed(string how, string details)
        => new($"The scenario of {_name} failed: {how}.\n{details}\n  given: {HandlerScenario.Listed(_given)}\n  when:  {HandlerScenario.Listed(_when)}");
}
