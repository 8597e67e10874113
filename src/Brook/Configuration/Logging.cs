using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Brook;

internal static class Logging
{
    /// <summary>The logger of category <c>Brook</c>; none when the application has no logging.</summary>
    public static ILogger For(IServiceProvider provider) => provider.GetService<ILoggerFactory>()?.CreateLogger("Brook") ?? NullLogger.Instance;
}
