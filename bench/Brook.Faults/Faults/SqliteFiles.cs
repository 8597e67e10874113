// Faults of a SQLite file and its disk.
using Microsoft.Data.Sqlite;

namespace Brook.Faults;

/// <summary>A fault of a SQLite file.</summary>
internal abstract class SqliteFault : Fault
{
    public override bool AppliesTo(Store store, Feed feed) => store is Sqlite;

    public sealed override Task InjectAsync(Trial trial, CancellationToken cancellationToken) => InjectAsync(trial, (SqliteHost)trial.Host, cancellationToken);

    protected abstract Task InjectAsync(Trial trial, SqliteHost sqlite, CancellationToken cancellationToken);
}

internal sealed class DiskFull : SqliteFault
{
    public override string Name => "disk-full";
    public override string About => "the disk is filled up while the workers write, and a worker is killed meanwhile now and then; then there is room again";
    public override Needs Needs => new(SmallDisk: true);
    public override bool AppliesTo(Store store, Feed feed) => base.AppliesTo(store, feed) && SqliteHost.WhyNoDisk is null;

    protected override async Task InjectAsync(Trial trial, SqliteHost sqlite, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await sqlite.FillAsync(left: trial.Random.Next(0, 100_000));
            trial.Injected++;
            await trial.PauseAsync(200, cancellationToken);
            if (i % 2 == 1) await trial.KillWorkerAsync(trial.AnyWorker);
            sqlite.MakeRoom();
        }
    }
}

internal sealed class Locked : SqliteFault
{
    public override string Name => "locked";
    public override string About => "another program keeps a transaction open, now and then for longer than a call waits, and rolls it back";

    protected override async Task InjectAsync(Trial trial, SqliteHost sqlite, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await using var other = new SqliteConnection($"Data Source={sqlite.Place};Pooling=False");
            await other.OpenAsync(cancellationToken);
            await using (var transaction = await other.BeginTransactionAsync(cancellationToken))
            {
                await using var delete = other.CreateCommand();
                delete.CommandText = "DELETE FROM entries; DELETE FROM log";
                await delete.ExecuteNonQueryAsync(cancellationToken);
                trial.Injected++;
                await Task.Delay(i == 2 ? 700 : trial.Random.Next(50, 200), cancellationToken);
                await transaction.RollbackAsync(cancellationToken);
            }
        }
    }
}

internal sealed class TogetherOnOneFile : SqliteFault
{
    public override string Name => "competing-writers";
    public override string About => "the workers' processes write side by side, one event per commit, so each waits for the other's transactions; a third program reads all for as long as it likes";
    public override int Together => 1;

    protected override async Task InjectAsync(Trial trial, SqliteHost sqlite, CancellationToken cancellationToken)
    {
        await using var other = new SqliteConnection($"Data Source={sqlite.Place};Pooling=False;Mode=ReadOnly");
        await other.OpenAsync(cancellationToken);
        for (var i = 0; i < 8; i++)
        {
            await using var transaction = other.BeginTransaction(deferred: true);
            await using var read = other.CreateCommand();
            (read.Transaction, read.CommandText) = (transaction, "SELECT count(*) FROM entries");
            await read.ExecuteScalarAsync(cancellationToken);
            await trial.MomentAsync(cancellationToken);
            trial.Injected++;
        }
    }
}

internal sealed class SqliteStorm : SqliteFault
{
    public override string Name => "sqlite-storm";
    public override string About => "duplicates, kills of workers, a full disk, all at once";
    public override Needs Needs => new(SmallDisk: true);
    public override bool Repeats => true;
    public override bool AppliesTo(Store store, Feed feed) => base.AppliesTo(store, feed) && SqliteHost.WhyNoDisk is null;

    protected override async Task InjectAsync(Trial trial, SqliteHost sqlite, CancellationToken cancellationToken)
    {
        for (var i = 0; i < 4; i++)
        {
            await trial.MomentAsync(cancellationToken);
            await sqlite.FillAsync(left: trial.Random.Next(0, 100_000));
            await trial.PauseAsync(100, cancellationToken);
            await trial.KillWorkerAsync(trial.AnyWorker);
            sqlite.MakeRoom();
            trial.Injected++;
        }
        trial.Injected += (int)trial.Broker.Copies;
    }
}
