using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
namespace Brook.MassTransit.RabbitMq.Tests.Support;
internal sealed class FileLog(string file, int node) : ILoggerProvider
{
    private static int s_node; private static readonly Lock s_lock = new();
    public static IBusRegistrationConfigurator To(IBusRegistrationConfigurator bus) { if (Environment.GetEnvironmentVariable("BROOK_TEST_LOG") is { } f) bus.AddLogging(l => { l.SetMinimumLevel(LogLevel.Debug); l.Services.AddSingleton<ILoggerProvider>(new FileLog(f, ++s_node)); }); return bus; }
    public ILogger CreateLogger(string c) => new L(this, c);
    public void Dispose() { }
    private sealed class L(FileLog p, string c) : ILogger {
        public IDisposable? BeginScope<T>(T s) where T : notnull => null; public bool IsEnabled(LogLevel l) => true;
        public void Log<T>(LogLevel l, EventId id, T s, Exception? e, Func<T, Exception?, string> f) { lock (s_lock) File.AppendAllText(p.F, $"{DateTime.UtcNow:HH:mm:ss.fff} n{p.N} {l} {c} {f(s, e)} {e?.GetType().Name} {e?.Message}\n"); } }
    private string F => file; private int N => node;
}
