using System.Text.Json;
using static Brook.Change;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>The value that events make of an order here: with a text, so that an entry has about 300 bytes.</summary>
public sealed record OrderPage(string Id, int Seq, string Status, decimal Amount, int Count, string Terms);

/// <summary>The load: 100,000 orders, each once, then at random: a server whose memory is read in the order in which it was taken looks faster than it is.</summary>
internal static class RedisLoad
{
    public const int Keys = 100_000, Partitions = 4, Events = 4 * Keys;
    public static readonly ViewCollection<OrderPage> Orders = "orders";
    private static readonly string s_terms = string.Concat(Enumerable.Repeat("Goods remain ours until they are paid for. ", 5));
    private static readonly int[] s_keys = [.. Enumerable.Range(0, Keys), .. AtRandom(new Random(1))];
    private static ReadOnlyMemory<byte>[]? s_records;

    public static int EntryBytes => JsonSerializer.SerializeToUtf8Bytes(Fold(null, Bench.Records.Read(Records[^1])), JsonSerializerOptions.Web).Length;

    /// <summary>Side by side in memory, as a transport would have just received them.</summary>
    public static ReadOnlyMemory<byte>[] Records => s_records ??= SideBySide(Bench.Records.Of(Enumerable.Range(0, Events).Select(Event)));

    /// <summary>The event that a peer gets at this place of its whole time.</summary>
    public static ReadOnlyMemory<byte> Record(int i) => Records[i % Events];

    public static BrookEvent<OrderUpdated> Event(int i)
    {
        var id = Id(s_keys[i % Events]);
        return new(Load.Type, new OrderUpdated(id, i, "shipped", 12.5m)) { Key = id };
    }

    public static string Id(int key) => $"order-{key}";

    public static OrderPage Fold(OrderPage? state, OrderUpdated e) => state is null
        ? new OrderPage(e.Id, e.Seq, e.Status, e.Amount, 1, s_terms)
        : state with { Seq = e.Seq, Status = e.Status, Amount = e.Amount, Count = state.Count + 1 };

    /// <summary>The number of an event modulo that of the partitions is its key's partition.</summary>
    private static IEnumerable<int> AtRandom(Random random) => Enumerable.Range(0, Events - Keys).Select(i => random.Next(Keys / Partitions) * Partitions + i % Partitions);

    private static ReadOnlyMemory<byte>[] SideBySide(ReadOnlyMemory<byte>[] records)
    {
        var (bytes, at) = (new byte[records.Sum(record => record.Length)], 0);
        return Array.ConvertAll(records, record =>
        {
            record.CopyTo(bytes.AsMemory(at));
            at += record.Length;
            return (ReadOnlyMemory<byte>)bytes.AsMemory(at - record.Length, record.Length);
        });
    }

    /// <summary>How many events the view has seen.</summary>
    public static async Task<long> AppliedAsync(IBrookView view)
    {
        var applied = 0L;
        await foreach (var (_, order) in view.GetAllAsync(Orders)) applied += order!.Count;
        return applied;
    }
}

/// <summary>The fold as a Brook handler.</summary>
public sealed class OrderPageHandler : IBrookHandler<OrderUpdated>
{
    public Changes Handle(BrookEvent<OrderUpdated> e) => Merge(RedisLoad.Orders, e.Data.Id, state => RedisLoad.Fold(state, e.Data));
}
