using System.Diagnostics;
using System.Text;
using Brook.Storage;

namespace Brook.Tests.Shared;

/// <summary>Commits and reads in few words.</summary>
internal static class Entries
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static ReadOnlyMemory<byte> Json(string json) => Encoding.UTF8.GetBytes(json);

    public static CommitEntry Put(string key, string json, long? expected = null, string collection = "things") => new(new(collection, key), EntryAction.Put, expected, Json(json));

    public static CommitEntry Delete(string key, string collection = "things") => new(new(collection, key), EntryAction.Delete, null);

    public static Commit CommitOf(params ReadOnlySpan<CommitEntry> entries)
    {
        var commit = new Commit(Commit.NewVersion());
        foreach (ref readonly var entry in entries) commit.Add(in entry);
        return commit;
    }

    public static Commit Log(this Commit commit, int index, string type, string record, int keep = 100)
    {
        commit.Add(new CommitAppend(index, type, Json(record), keep));
        return commit;
    }

    public static async Task<long> CommitAsync(this IViewStore store, params CommitEntry[] entries) => await store.CommitAsync(CommitOf(entries));

    public static async Task<long> CommitAsync(this IViewStore store, Commit commit)
    {
        Assert.True((await store.CommitAsync(commit, Token)).IsCommitted);
        return commit.Version;
    }

    public static async Task<string?> ReadAsync(this IViewStore store, string key, string collection = "things")
    {
        var entry = (await store.ReadAsync(new EntryKey[] { new(collection, key) }, Token))[0];
        return entry.IsMissing ? null : Encoding.UTF8.GetString(entry.Value.Span);
    }

    public static async Task<string[]> LogAsync(this IViewStore store, string key, string? type = null)
        => await store.ReadLogAsync(new("things", key), type, Token).Select(record => Encoding.UTF8.GetString(record.Span)).ToArrayAsync(Token);

    public static async Task<TStore> StartedAsync<TStore>(this TStore store) where TStore : IViewStore
    {
        await store.StartAsync(Token);
        return store;
    }

    public static Task<BrookException> FailsAsync(Func<Task> call, bool transient) => FailsAsync<BrookException>(call, transient);

    public static async Task<TError> FailsAsync<TError>(Func<Task> call, bool transient) where TError : BrookException
    {
        var error = await Assert.ThrowsAsync<TError>(call);
        Assert.True(error.IsTransient == transient, $"IsTransient is {error.IsTransient}: {error}");
        return error;
    }

    /// <summary>As a lane does: again, as long as it fails in a way that may pass.</summary>
    public static async Task<T> EventuallyAsync<T>(Func<Task<T>> call)
    {
        for (var started = Stopwatch.GetTimestamp(); ;)
        {
            try { return await call(); }
            catch (BrookException e) when (e.IsTransient && Stopwatch.GetElapsedTime(started) < s_deadline) { await Task.Delay(20, Token); }
        }
    }

    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (var started = Stopwatch.GetTimestamp(); !await condition();)
        {
            if (Stopwatch.GetElapsedTime(started) > s_deadline) Assert.Fail($"Waited {s_deadline} in vain: {what}");
            await Task.Delay(10, Token);
        }
    }
}
