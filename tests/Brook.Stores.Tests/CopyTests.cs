using Brook.Storage;
using Brook.Stores.Tests.Support;
using Microsoft.Extensions.Time.Testing;
using static Brook.Tests.Shared.Entries;

namespace Brook.Stores.Tests;

/// <summary>From any store to any store, the view is the same.</summary>
public sealed class CopyTests(SharedStores stores)
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    // jsonb keeps none of these as it is written but the last two, which it cannot hold at all: they are kept as text.
    private static readonly string[] s_values = ["null", "0", "-1.5", "true", "\"\"", "\"ü\U0001F600\"", "[]", "{}", """{"b":1,"a":[{"y":null,"x":" "}]}""", "\"\\u0000\"", "\"\\ud800\""];

    private static readonly string[] s_names =
    [
        "k", "K", "k:1", "k:1:placed", "a/b", "%", "_", "*", "k[a]?", "{k}", "$", "'\"\\", " k ", "\t\n\r", "\0", "\0l", "\u0001", "\u00010", "\u007f", "ключ", "é", "e\u0301", "\U0001F600", "\uffff", new('n', 1024),
    ];

    [Theory]
    [MemberData(nameof(SharedStores.Pairs), MemberType = typeof(SharedStores))]
    public async Task A_copy_holds_every_value_end_and_log_under_every_name(string from, string to)
    {
        var (time, asJson) = (new FakeTimeProvider(s_now), IsJsonb(from) || IsJsonb(to));
        var (source, target) = (await stores.OpenAsync(from, time), await stores.OpenAsync(to, time));
        await FillAsync(source);

        var copied = await source.CopyToAsync(target, Token);

        var there = await source.ShowAsync(asJson);
        Assert.Equal(there, await target.ShowAsync(asJson));
        Assert.Equal((there.Split(" = ").Length - 1, 2 * s_names.Length + 150), (copied.Entries, copied.Records));
        Assert.Equal("null", await target.ReadAsync("0", "values"));                    // there, and null
        Assert.Equal(0, await target.CountAsync("emptied", Token));
        Assert.DoesNotContain("emptied", await target.ReadCollectionsAsync(Token).ToListAsync(Token));

        time.Advance(TimeSpan.FromHours(2));
        Assert.Null(await target.ReadAsync("soon"));
        Assert.Empty(await target.LogAsync("soon"));
        Assert.Equal("2", await target.ReadAsync("late"));
    }

    [Theory]
    [MemberData(nameof(SharedStores.Each), MemberType = typeof(SharedStores))]
    public async Task A_log_that_is_too_long_for_one_commit_and_many_large_values_are_copied_whole(string kind)
    {
        var (source, target) = (await stores.OpenAsync("memory"), await stores.OpenAsync(kind));
        var commit = CommitOf(Put("long", "1"), Put("other", "2"));
        for (var i = 0; i < 3000; i++) commit.Log(i % 100 == 0 ? 1 : 0, i % 2 == 0 ? "placed" : "shipped", Event(i % 2 == 0 ? "placed" : "shipped", $"\"{i}{new string('x', 500)}\""), BrookOptions.KeepAll);
        await source.CommitAsync(commit);
        for (var i = 0; i < 30; i++) await source.CommitAsync(Put($"{i}", $"\"{i}{new string('y', 300_000)}\""));

        var copied = await source.CopyToAsync(target, Token);

        Assert.Equal(new ViewCopy(32, 3000), copied);
        Assert.Equal(await source.ShowAsync(IsJsonb(kind)), await target.ShowAsync(IsJsonb(kind)));
        await target.CommitAsync(CommitOf(Put("long", "3")).Log(0, "placed", Event("placed", "0"), keep: 10));     // the next append brings its limit
        Assert.Equal(10, (await target.LogAsync("long", "placed")).Length);
    }

    internal static bool IsJsonb(string kind) => kind.EndsWith("jsonb", StringComparison.Ordinal);

    private static string Event(string type, string data) => $$"""{"auto_id":"0197b0a5-7a60-7000-8000-00000000000{{(type == "placed" ? 1 : 2)}}","type":"{{type}}","data":{{data}}}""";

    private static async Task FillAsync(IViewStore store)
    {
        foreach (var (i, value) in s_values.Index()) await store.CommitAsync(Put($"{i}", value, collection: "values"));
        foreach (var name in s_names)
            await store.CommitAsync(CommitOf(Put(name, "1")).Log(0, "placed", Event("placed", "1")).Log(0, "shipped", Event("shipped", """{ "b" : 1e2, "a": "\u0000" }""")));
        foreach (var name in (string[])["a:b", "b%", "{c}", "'\"\\", "ünï", "A", "a", "\U0001F600", new('c', 256)]) await store.CommitAsync(Put("k", "1", collection: name));
        var ends = CommitOf(
            new CommitEntry(new("things", "soon"), EntryAction.Put, null, Json("1")) { ExpiresAt = s_now.AddHours(1).AddMilliseconds(1) },
            new CommitEntry(new("things", "late"), EntryAction.Put, null, Json("2")) { ExpiresAt = s_now.AddYears(1) });
        for (var i = 0; i < 150; i++) ends.Log(0, i % 3 == 0 ? "placed" : "shipped", Event(i % 3 == 0 ? "placed" : "shipped", $"{i}"), BrookOptions.KeepAll);
        await store.CommitAsync(ends);
        await store.CommitAsync(CommitOf([.. Enumerable.Range(0, 450).Select(i => Put($"{i}", $"{i}", collection: "many"))]));
        await store.CommitAsync(Put("k", "1", collection: "emptied"));
        await store.CommitAsync(Delete("k", "emptied"));
    }
}
