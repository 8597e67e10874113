using System.Text;
using System.Text.Json;
using Brook.Redis.Tests.Support;
using Brook.Storage;

namespace Brook.Redis.Tests.Elixir;

/// <summary>Random writes of both sides over names that are made of each other, against a model that is only dictionaries.</summary>
public sealed class ElixirModelTests(SharedRedis redis)
{
    private static readonly EntryKey[] s_entries = [.. from collection in (string[])["c", "c:a", "*"] from key in (string[])["a", "a:b", "a:b:c", "b", "b:c", "*", "7"] select new EntryKey(collection, key)];
    private static readonly string[] s_types = ["t", "b:t", "c:t", "b:c:t", "b", "*"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, int.Parse(Environment.GetEnvironmentVariable("BROOK_FUZZ_TRIALS") ?? "4", System.Globalization.CultureInfo.InvariantCulture))];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Every_entry_has_its_own_value_and_its_own_log(int seed)
    {
        var (net, elixir) = await redis.OpenBothAsync();
        await using var _ = net;
        var random = new Random(seed);
        var model = new Dictionary<EntryKey, (string Value, List<(string Type, int Number)> Log)>();
        for (var number = 1; number <= 40; number++)
        {
            var entry = s_entries[random.Next(s_entries.Length)];
            var type = s_types[random.Next(s_types.Length)];
            var taken = model.Keys.Any(other => other != entry && $"{other.Collection}:{other.Key}" == $"{entry.Collection}:{entry.Key}");
            var old = model.GetValueOrDefault(entry, ("", []));
            switch (random.Next(5))
            {
                case 0:
                    await net.CommitAsync(ElixirProbe.Delete(entry.Collection, entry.Key));
                    model.Remove(entry);
                    break;
                case 1 when !taken:
                    await elixir.PersistAsync(entry.Collection, entry.Key, $"{number}", type, number, entry.Key == "7" ? "7" : null);
                    model[entry] = ($"{number}", [.. old.Item2, (type, number)]);
                    break;
                default:
                    var commit = new Commit(Commit.NewVersion());
                    var expected = random.Next(2) == 0 ? (long?)null : (await net.ReadAsync(entry.Collection, entry.Key)).Version;
                    var drop = random.Next(6) == 0;
                    commit.Add(ElixirProbe.Put(entry.Collection, entry.Key, $"{number}", expected) with { DropLog = drop });
                    commit.Add(new CommitAppend(0, type, Golden.RecordOf($$"""{"author":"net","create_ts":{{number}},"data":{{number}},"type":"{{type}}"}"""), BrookOptions.KeepAll));
                    if (taken)
                    {
                        await Assert.ThrowsAsync<BrookException>(async () => await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken));
                        break;
                    }
                    Assert.True((await net.Store.CommitAsync(commit, TestContext.Current.CancellationToken)).IsCommitted);
                    model[entry] = ($"{number}", drop ? [(type, number)] : [.. old.Item2, (type, number)]);
                    break;
            }
            await HoldsAsync(net, model);
        }
    }

    private static async Task HoldsAsync(ElixirProbe net, Dictionary<EntryKey, (string Value, List<(string Type, int Number)> Log)> model)
    {
        var found = await net.Store.ReadAsync(s_entries, TestContext.Current.CancellationToken);
        Assert.Equal(s_entries.Select(entry => model.TryGetValue(entry, out var is_) ? is_.Value : ""), found.Select(entry => Encoding.UTF8.GetString(entry.Value.Span)));
        foreach (var collection in s_entries.GroupBy(entry => entry.Collection))
        {
            var there = collection.Where(model.ContainsKey).Select(entry => entry.Key).Order(StringComparer.Ordinal).ToList();
            Assert.Equal(there, await net.KeysAsync(collection.Key));
            Assert.Equal(there.Count, await net.Store.CountAsync(collection.Key, TestContext.Current.CancellationToken));
        }
        foreach (var entry in s_entries)
        {
            var log = model.TryGetValue(entry, out var is_) ? is_.Log : [];
            Assert.Equal(log, await LogAsync(net, entry, null));
            foreach (var type in s_types) Assert.Equal(log.Where(e => e.Type == type), await LogAsync(net, entry, type));
        }
    }

    private static async Task<List<(string, int)>> LogAsync(ElixirProbe net, EntryKey entry, string? type)
    {
        var log = new List<(string, int)>();
        await foreach (var record in net.Store.ReadLogAsync(entry, type, TestContext.Current.CancellationToken))
        {
            var e = JsonDocument.Parse(record).RootElement;
            log.Add((e.GetProperty("type").GetString()!, e.GetProperty("data").GetInt32()));
        }
        return log;
    }
}
