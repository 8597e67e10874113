using Brook.Postgres;
using Brook.Postgres.Tests.Support;
using Brook.Storage;

namespace Brook.Tests.Support;

/// <summary>What the engine's tests get here: a view in PostgreSQL. It stays open when an engine that had it is disposed of: some tests give it to the next one.</summary>
internal static class Stores
{
    public static IViewStore New(TimeProvider? time = null) => new Lasting(SharedPostgres.Current.OpenShared(time));

    /// <summary>Starts itself: some tests write before an engine has started it.</summary>
    private sealed class Lasting(PostgresViewStore inner) : StoreDecorator(inner)
    {
        private readonly Lazy<Task> _started = new(async () => await inner.StartAsync(TestContext.Current.CancellationToken));

        public override async ValueTask StartAsync(CancellationToken cancellationToken) => await _started.Value;

        public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
        {
            await _started.Value;
            return await Inner.CommitAsync(commit, cancellationToken);
        }
    }
}
