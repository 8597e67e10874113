using System.Text;
using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Tests.Support;

/// <summary>One lane over a real engine, without a transport: what tests of the path are written on.</summary>
internal sealed class TestLane : IAsyncDisposable
{
    private readonly ServiceProvider _provider;
    private long _offset;

    private TestLane(ServiceProvider provider, BrookEngine engine, Lane lane) => (_provider, Engine, Lane, _offset) = (provider, engine, lane, lane.NextOffset);

    public BrookEngine Engine { get; }
    public Lane Lane { get; }
    public IBrookView View => _provider.GetRequiredService<IBrookView>();
    public IParkedEvents Parked => _provider.GetRequiredService<IParkedEvents>();
    public IViewStore Store => Engine.Store;

    public static async Task<TestLane> OpenAsync(Action<BrookBuilder> configure, LaneGuard guard = LaneGuard.Offsets, string name = "test/0", TimeProvider? time = null, Action<IServiceCollection>? services = null)
    {
        var collection = new ServiceCollection();
        if (time is not null) collection.AddSingleton(time);
        services?.Invoke(collection);
        BrookBuilder.Register(collection, "", brook =>
        {
            brook.Options.RetryDelay = TimeSpan.Zero;       // attempts without pauses
            configure(brook);
        });
        var provider = collection.BuildServiceProvider();
        var engine = provider.GetRequiredKeyedService<BrookEngine>("");
        return new(provider, engine, await engine.OpenLaneAsync(name, guard, TestContext.Current.CancellationToken));
    }

    /// <summary>Events at the next offsets, as one batch.</summary>
    public ValueTask<BatchResult> ProcessAsync(params ReadOnlySpan<string> records)
    {
        var events = new EventEnvelope[records.Length];
        for (var i = 0; i < events.Length; i++) events[i] = EventEnvelope.Read(Encoding.UTF8.GetBytes(records[i]), new EventPosition(Lane.Name, _offset++), DateTimeOffset.UnixEpoch);
        return Lane.ProcessAsync(events, TestContext.Current.CancellationToken);
    }

    /// <summary>One message with several events.</summary>
    public ValueTask<BatchResult> ProcessMessageAsync(Guid message, params ReadOnlySpan<string> records) => Lane.ProcessAsync(Message(Lane.Name, message, records), TestContext.Current.CancellationToken);

    public static EventEnvelope[] Message(string lane, Guid message, params ReadOnlySpan<string> records)
    {
        var events = new EventEnvelope[records.Length];
        for (var i = 0; i < events.Length; i++) events[i] = EventEnvelope.Read(Encoding.UTF8.GetBytes(records[i]), new EventPosition(lane, i, message), DateTimeOffset.UnixEpoch);
        return events;
    }

    /// <summary>The JSON of an event as a sender writes it.</summary>
    public static string Event<T>(string type, T data, string? key = null, Guid? id = null, string author = "tester", long createTs = 1_591_619_696_123)
        => $$"""{"{{(id is null ? "auto_id" : "id")}}":"{{id ?? Guid.CreateVersion7()}}","type":{{JsonSerializer.Serialize(type)}},"author":{{JsonSerializer.Serialize(author)}},"create_ts":{{createTs}}{{(key is null ? "" : $",\"key\":{JsonSerializer.Serialize(key)}")}},"data":{{JsonSerializer.Serialize(data, JsonSerializerOptions.Web)}}{{"}"}}""";

    /// <summary>The stored JSON of an entry; null when there is none.</summary>
    public async Task<string?> StoredAsync(string collection, string key)
    {
        var entry = (await Store.ReadAsync(new EntryKey[] { new(collection, key) }, TestContext.Current.CancellationToken))[0];
        return entry.IsMissing ? null : Encoding.UTF8.GetString(entry.Value.Span);
    }

    public async ValueTask DisposeAsync()
    {
        await Lane.DisposeAsync();
        await _provider.DisposeAsync();
    }
}
