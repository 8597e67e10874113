using System.Globalization;
using System.Text.Json;
using Brook.Lanes;
using Brook.Storage;

namespace Brook.Faults;

/// <summary>The control: what one writes without Brook. For each event and entry read, write, append to the log; then note the offset, or acknowledge. No versions, no ids, no epoch, and what failed is passed over.</summary>
internal sealed class Naive(IViewStore store, string lane) : ILane
{
    public long Next { get; private set; }

    public static async Task<ILane> OpenAsync(IViewStore store, int partition)
    {
        await store.StartAsync(default);
        var naive = new Naive(store, Feed.Lane(partition));
        naive.Next = (await naive.ReadAsync("$lanes", Feed.Lane(partition)))?.GetProperty("next").GetInt64() ?? 0;
        return naive;
    }

    public async Task<BatchOutcome> ProcessAsync(EventEnvelope[] events, CancellationToken cancellationToken)
    {
        foreach (var envelope in events)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var e = JsonSerializer.Deserialize<Data>(envelope.Data.Span, JsonSerializerOptions.Web)!;
            if (envelope.Type != Event.Fail) await ApplyAsync(envelope, e);
            Next = envelope.Position.Offset + 1;
        }
        await WriteAsync("$lanes", lane, new { epoch = 1, next = Next }, null);
        return BatchOutcome.Committed;
    }

    private async Task ApplyAsync(EventEnvelope envelope, Data e)
    {
        var name = View.Name(e);
        var seen = string.Create(CultureInfo.InvariantCulture, $"{e.P}:{e.N}");
        await WriteAsync("seen", seen, ((await ReadAsync("seen", seen))?.GetInt32() ?? 0) + 1, envelope);
        await WriteAsync("left", name, e.N, envelope);
        var chain = (await ReadAsync("chains", name))?.Deserialize<Chain>(JsonSerializerOptions.Web);
        await WriteAsync("chains", name, chain is null ? new(1, e.N, e.N, 0) : new Chain(chain.Count + 1, unchecked((chain.Hash * 31) + e.N), e.N, chain.Breaks + (e.N <= chain.Last ? 1 : 0)), envelope);
        await WriteAsync("right", name, e.N, envelope);
        await WriteAsync("totals", "all", View.Add((await ReadAsync("totals", "all"))?.Deserialize<Total>(JsonSerializerOptions.Web), e), envelope);
        if (envelope.Type == Event.Wipe) await CommitAsync(new(new("values", e.Entry), EntryAction.Delete, null), null);
        else await WriteAsync("values", e.Entry, View.Add(envelope.Type == Event.Put ? null : (await ReadAsync("values", e.Entry))?.Deserialize<Value>(JsonSerializerOptions.Web), e), envelope);
    }

    private async Task<JsonElement?> ReadAsync(string collection, string key)
    {
        var entry = (await store.ReadAsync(new EntryKey[] { new(collection, key) }, default))[0];
        return entry.IsMissing ? null : JsonSerializer.Deserialize<JsonElement>(entry.Value.Span);
    }

    private Task WriteAsync<T>(string collection, string key, T value, EventEnvelope? log)
        => CommitAsync(new(new(collection, key), EntryAction.Put, null, JsonSerializer.SerializeToUtf8Bytes(value, JsonSerializerOptions.Web)), log);

    private async Task CommitAsync(CommitEntry entry, EventEnvelope? log)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(in entry);
        if (log is { } e) commit.Add(new CommitAppend(0, e.Type, e.Record, Event.LogLimits[e.Type]));
        await store.CommitAsync(commit, default);
    }

    public ValueTask DisposeAsync() => default;
}
