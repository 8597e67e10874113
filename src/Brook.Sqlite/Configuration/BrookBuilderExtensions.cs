using Brook.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Brook;

/// <summary>Keeps an instance's view in a SQLite file.</summary>
public static class SqliteBrookBuilderExtensions
{
    /// <summary>Keeps the view in a SQLite file, which is made when it is missing. One file holds one view; several processes of one machine may share it.</summary>
    /// <param name="brook">The instance.</param>
    /// <param name="path">The file, in a folder that is there: <c>view.db</c>. Beside it SQLite keeps <c>view.db-wal</c> and <c>view.db-shm</c>.</param>
    /// <param name="configure">Changes the store's options.</param>
    /// <exception cref="BrookException">The path or the options are not valid.</exception>
    public static BrookBuilder UseSqlite(this BrookBuilder brook, string path, Action<SqliteStoreOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(brook);
        var options = new SqliteStoreOptions();
        configure?.Invoke(options);
        options.Validate(path);
        return brook.UseStore(provider => new SqliteViewStore(path, options, provider.GetService<TimeProvider>() ?? TimeProvider.System, provider.GetService<ILoggerFactory>()?.CreateLogger("Brook.Sqlite")));
    }
}
