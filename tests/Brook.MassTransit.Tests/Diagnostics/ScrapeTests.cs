using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Diagnostics;

/// <summary>A real host whose metrics and health are read over HTTP, as Prometheus and an orchestrator do.</summary>
public sealed partial class ScrapeTests : IAsyncLifetime
{
    private const string Instance = "scraped";                  // the meter is the process's: other tests are in it too
    private static readonly ViewCollection<int> Sums = "sums";
    private static CancellationToken Token => TestContext.Current.CancellationToken;
    private readonly ManualResetEventSlim _ends = new();
    private readonly WebApplication _app;
    private readonly HttpClient _http = new();

    public ScrapeTests()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddMassTransit(x =>
        {
            x.AddBrook(Instance, brook =>
            {
                (brook.Options.RetryDelay, brook.Options.HandlerAttempts, brook.Options.StalledAfter) = (TimeSpan.Zero, 2, TimeSpan.FromSeconds(2));
                brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("fail", e => throw new InvalidOperationException("no")).On<int>("hang", e => { _ends.Wait(Token); return Discard; });
            });
            x.UsingInMemory();
        });
        builder.Services.AddHealthChecks();
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("Brook").AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0));
        _app = builder.Build();
        _app.MapHealthChecks("/health");
        _app.MapPrometheusScrapingEndpoint();
    }

    private IBrook Brook => _app.Services.GetRequiredKeyedService<IBrook>(Instance);
    private IBrookView View => _app.Services.GetRequiredKeyedService<IBrookView>(Instance);

    [Fact]
    public async Task Metrics_are_scraped_with_the_names_tags_and_values_of_telemetry_md()
    {
        await View.WaitForAsync(await Brook.SendManyAsync(Enumerable.Range(0, 5).Select(i => new BrookEvent<int>("add", i)), Token), cancellationToken: Token);
        await View.WaitForAsync(await Brook.SendAsync("fail", 1, cancellationToken: Token), cancellationToken: Token);
        await View.WaitForAsync(await Brook.SendAsync("nobody:knows", 1, cancellationToken: Token), cancellationToken: Token);

        await ScrapeUntilAsync(found => found.GetValueOrDefault($"brook_parked_events{{brook_instance=\"{Instance}\"}}") == 1);    // gauges tell what was found a moment ago
        var found = await ScrapeUntilAsync(found => found.ContainsKey($"brook_events_total{{brook_event_type=\"other\",brook_instance=\"{Instance}\",brook_outcome=\"unknown\"}}"));

        Assert.Equal(5, found[$"brook_events_total{{brook_event_type=\"add\",brook_instance=\"{Instance}\",brook_outcome=\"applied\"}}"]);
        Assert.Equal(1, found[$"brook_events_total{{brook_event_type=\"fail\",brook_instance=\"{Instance}\",brook_outcome=\"set_aside\"}}"]);
        Assert.Equal(1, found[$"brook_events_total{{brook_event_type=\"other\",brook_instance=\"{Instance}\",brook_outcome=\"discarded\"}}"]);
        Assert.Equal(1, found[$"brook_events_total{{brook_event_type=\"other\",brook_instance=\"{Instance}\",brook_outcome=\"unknown\"}}"]);
        Assert.Equal(7, found[$"brook_batch_events_sum{{brook_instance=\"{Instance}\"}}"]);
        Assert.Equal(6, found[$"brook_event_freshness_seconds_count{{brook_instance=\"{Instance}\"}}"]);          // what was set aside is not in the view
        Assert.Equal(5, found[$"brook_handler_duration_seconds_count{{brook_event_type=\"add\",brook_handler=\"On(\\\"add\\\")\",brook_instance=\"{Instance}\"}}"]);
        Assert.Equal(2, found[$"brook_handler_duration_seconds_count{{brook_event_type=\"fail\",brook_handler=\"On(\\\"fail\\\")\",brook_instance=\"{Instance}\",error_type=\"System.InvalidOperationException\"}}"]);
        Assert.True(found[$"brook_commit_duration_seconds_count{{brook_instance=\"{Instance}\",brook_outcome=\"committed\"}}"] >= 3);
        Assert.True(found[$"brook_batch_duration_seconds_count{{brook_instance=\"{Instance}\"}}"] >= 3);
        Assert.Equal(0, found[$"brook_lane_behind{{brook_instance=\"{Instance}\",brook_lane=\"{Instance}/0\"}}"]);
        Assert.Equal(0, found[$"brook_lane_oldest_age_seconds{{brook_instance=\"{Instance}\",brook_lane=\"{Instance}/0\"}}"]);
        Assert.Equal(0, found[$"brook_outbox_events{{brook_instance=\"{Instance}\"}}"]);
        Assert.Equal(1, found[$"brook_health_status{{brook_instance=\"{Instance}\",brook_state=\"parked\"}}"]);
    }

    [Fact]
    public async Task The_health_endpoint_says_how_the_instance_is()
    {
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await HealthAsync(health => health.Text == "Healthy"));

        await View.WaitForAsync(await Brook.SendAsync("fail", 1, cancellationToken: Token), cancellationToken: Token);
        Assert.Equal((HttpStatusCode.OK, "Degraded"), await HealthAsync(health => health.Text == "Degraded"));

        for (var i = 0; i < 3; i++) await Brook.SendAsync("hang", i, cancellationToken: Token);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), await HealthAsync(health => health.Text == "Unhealthy"));
        var check = (await _app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(registration => registration.Tags.Contains("brook"), Token)).Entries[$"brook-{Instance}"];

        Assert.Matches($@"^Lane {Instance}/0 has not gone on for .* \(3 events wait\): a handler of 'hang' has not ended\..* 1 event\(s\) are set aside", check.Description);
        Assert.Equal(("stalled", 3L, 1L), (check.Data["state"], check.Data["behind"], check.Data["parked"]));
        Assert.Contains("ready", check.Tags);
    }

    public async ValueTask InitializeAsync() => await BrookTestHarness.StartAsync(_app, Token);

    public async ValueTask DisposeAsync()
    {
        _ends.Set();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _http.Dispose();
        _ends.Dispose();
    }

    private async Task<(HttpStatusCode Code, string Text)> HealthAsync(Func<(HttpStatusCode Code, string Text), bool> holds)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using var answer = await _http.GetAsync(new Uri($"{_app.Urls.Single()}/health"), Token);
            var health = (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
            if (holds(health) || deadline.IsCancellationRequested) return health;
            await Task.Delay(20, Token);
        }
    }

    /// <summary>Every series of the instance, labels in the order of their names.</summary>
    private async Task<Dictionary<string, double>> ScrapeUntilAsync(Func<Dictionary<string, double>, bool> holds)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var text = await _http.GetStringAsync(new Uri($"{_app.Urls.Single()}/metrics"), Token);
            var found = Line().Matches(text).Where(line => line.Groups[2].Value.Contains($"brook_instance=\"{Instance}\"", StringComparison.Ordinal))
                .GroupBy(line => $"{line.Groups[1].Value}{{{string.Join(',', Label().Matches(line.Groups[2].Value).Select(label => label.Value).Where(label => !label.StartsWith("otel_", StringComparison.Ordinal) && !label.StartsWith("le=", StringComparison.Ordinal)).Order(StringComparer.Ordinal))}}}")
                .ToDictionary(line => line.Key, line => double.Parse(line.Last().Groups[3].Value, CultureInfo.InvariantCulture));
            if (holds(found)) return found;
            if (deadline.IsCancellationRequested) Assert.Fail($"Scraped in vain. At the end there was\n{string.Join('\n', found.Select(one => $"{one.Key} {one.Value}"))}");
            await Task.Delay(50, Token);
        }
    }

    [GeneratedRegex(@"^(\w+)\{(.*)\} ([\d.eE+-]+)", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("\\w+=\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Label();
}
