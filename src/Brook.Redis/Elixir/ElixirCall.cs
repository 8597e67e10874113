using System.Text;
using Brook.Elixir;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What a commit removes of an entry's logs: it names the types that were known when it looked, the lists that are the entry's alone, and its elements in lists that it shares.</summary>
internal sealed record LogRemoval(byte[] Types)
{
    public List<RedisKey> Lists { get; } = [];
    public List<(RedisKey List, byte[] Element)> Elements { get; } = [];
}

/// <summary>Writes a commit as keys and arguments of elixir-commit.lua, entry by entry.</summary>
internal sealed class ElixirCall(ElixirNames names, ElixirSerializer serializer, Func<long> stamp)
{
    private readonly List<RedisKeyOrValue> _keys = [], _values = [];

    /// <summary>The arguments of EVALSHA, the first left for the script.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="data">The id of the data.</param>
    /// <param name="now">The time.</param>
    /// <param name="publish">The command that tells of changed lanes; empty: none does.</param>
    /// <param name="removals">By the index of the entry: whose logs are removed.</param>
    public Memory<RedisKeyOrValue> Write(Commit commit, RedisValue data, DateTimeOffset now, RedisValue publish, IReadOnlyDictionary<int, LogRemoval> removals)
    {
        _keys.Clear();
        _values.Clear();
        AddKeys(names.Own.Id, names.Ends);
        Add(data, now.ToUnixTimeMilliseconds(), ElixirState.Hex(commit.Version), names.States, names.Events, names.Rows, publish, commit.Entries.Length);
        var appends = new Dictionary<int, List<(CommitAppend Append, long Stamp)>>();
        foreach (ref readonly var append in commit.Appends)
        {
            if (!appends.TryGetValue(append.Index, out var of)) appends.Add(append.Index, of = []);
            of.Add((append, stamp()));
        }
        for (var i = 0; i < commit.Entries.Length; i++)
        {
            ref readonly var entry = ref commit.Entries[i];
            if (ElixirNames.IsOwn(entry.Entry.Collection)) WriteOwn(in entry, commit.Version, appends.GetValueOrDefault(i, []));
            else WriteEntry(in entry, removals.GetValueOrDefault(i), appends.GetValueOrDefault(i, []));
        }
        return new RedisKeyOrValue[] { default(RedisValue), (RedisValue)_keys.Count }.Concat(_keys).Concat(_values).ToArray();
    }

    /// <summary>As the native layout has it.</summary>
    private void WriteOwn(in CommitEntry entry, long version, List<(CommitAppend Append, long Stamp)> appends)
    {
        var of = names.Own.Of(entry.Entry.Collection);
        AddKeys(of.Entries, of.Index, of.LogOf(entry.Entry.Key));
        Add(entry.Entry.Collection, entry.Entry.Key, entry.Action switch { EntryAction.Put => "p", EntryAction.Delete => "d", _ => "c" });
        if (entry.Expected is null or 0) Add(entry.Expected is null ? "" : "0");
        else
        {
            var head = new byte[Blob.Head];
            Blob.WriteVersion(entry.Expected.Value, head);
            Add(head[..8]);
        }
        if (entry.Action != EntryAction.Put) return;
        var blob = new byte[Blob.SizeOf(in entry)];
        Blob.Write(in entry, version, blob);
        Add(blob, entry.DropLog ? "1" : "", appends.Count);
        foreach (var (append, _) in appends)
        {
            var record = new byte[Record.SizeOf(in append)];
            Record.Write(in append, record);
            Add(record);
        }
    }

    private void WriteEntry(in CommitEntry entry, LogRemoval? removal, List<(CommitAppend Append, long Stamp)> appends)
    {
        AddKeys(names.StateOf(entry.Entry), names.RowsOf(entry.Entry.Collection));
        Add(entry.Entry.Collection, entry.Entry.Key, entry.Action switch { EntryAction.Put => "P", EntryAction.Delete => "D", _ => "C" });
        Add(entry.Expected switch { null => "", 0 => "0", var version => ElixirState.Hex(version.Value) });
        Add(ElixirText.Quote(Encoding.UTF8.GetBytes(entry.Entry.Key)), ElixirNames.IsAmbiguous(entry.Entry) ? "1" : "");
        if (entry.Action == EntryAction.Check) return;
        Add(removal is null ? "" : (RedisValue)(byte[])[(byte)'=', .. removal.Types], removal?.Lists.Count ?? 0, removal?.Elements.Count ?? 0);
        foreach (var list in removal?.Lists ?? []) AddKeys(list);
        foreach (var (list, element) in removal?.Elements ?? [])
        {
            AddKeys(list);
            Add(element);
        }
        if (entry.Action != EntryAction.Put) return;
        Add(ElixirText.Quote(entry.Value.Span), ElixirState.Digits(entry.ExpiresAt));
        var types = appends.GroupBy(append => append.Append.Type).ToList();
        Add(types.Count);
        foreach (var type in types)
        {
            var keep = type.Min(append => append.Append.Keep);
            AddKeys(names.LogOf(entry.Entry, type.Key));
            Add(type.Key, keep == BrookOptions.KeepAll ? 0 : keep, type.Count());
            foreach (var (append, at) in type) Add(ElixirEvent.Write(in append, serializer, at));
        }
    }

    private void AddKeys(params ReadOnlySpan<RedisKey> keys)
    {
        foreach (ref readonly var key in keys) _keys.Add(key);
    }

    private void Add(params ReadOnlySpan<RedisValue> values)
    {
        foreach (ref readonly var value in values) _values.Add(value);
    }
}
