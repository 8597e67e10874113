using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>Reads the log of an entry, a part of the list at a time.</summary>
internal sealed class LogReader(RedisConnection connection, RedisNames names, TimeProvider time)
{
    private const int Part = 1000;

    public async ValueTask<List<ReadOnlyMemory<byte>>> ReadAsync(EntryKey entry, string? type, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        List<ReadOnlyMemory<byte>>? elements;
        do elements = await TryReadListAsync(entry, cancellationToken).ConfigureAwait(false);
        while (elements is null);
        return Record.Read(elements, entry, type);
    }

    /// <summary>Null: the list was cut meanwhile. Each part begins with the last element of the one before, which shows it.</summary>
    private async ValueTask<List<ReadOnlyMemory<byte>>?> TryReadListAsync(EntryKey entry, CancellationToken cancellationToken)
    {
        var of = names.Of(entry.Collection);
        var key = of.LogOf(entry.Key);
        var (blob, part) = await connection.AskAsync(async database =>
        {
            var (value, first) = (database.HashGetAsync(of.Entries, entry.Key), database.ListRangeAsync(key, 0, Part - 1));
            return (await value.ConfigureAwait(false), await first.ConfigureAwait(false));
        }, cancellationToken).ConfigureAwait(false);
        if (blob.IsNull || Blob.Read((byte[])blob!, time.GetUtcNow(), entry).IsMissing) return [];
        var elements = new List<ReadOnlyMemory<byte>>(part.Length);
        foreach (var element in part) elements.Add((byte[])element!);
        while (part.Length == Part)
        {
            var from = elements.Count - 1;
            part = await connection.AskAsync(database => database.ListRangeAsync(key, from, from + Part - 1), cancellationToken).ConfigureAwait(false);
            if (part.Length == 0 || !elements[^1].Span.SequenceEqual((byte[])part[0]!)) return null;
            for (var i = 1; i < part.Length; i++) elements.Add((byte[])part[i]!);
        }
        return elements;
    }
}
