using Brook.Redis.Tests.Support;
using Brook.TestServers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using StackExchange.Redis;
using static Brook.Change;
using static Brook.Tests.Shared.Entries;

namespace Brook.Redis.Tests.Configuration;

public sealed class UseRedisTests(SharedRedis redis)
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task The_application_starts_while_redis_is_down_says_what_it_waits_for_and_goes_on_when_it_comes()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, Servers.SkipReason(RedisServer.WhyNot) ?? "");
        await using var server = await RedisServer.StartAsync(cancellationToken: Token);
        await server.KillAsync();
        var logs = new FakeLoggerProvider();
        using var host = Build(brook => brook.UseRedis(server.ConnectionString), logs);
        await host.StartAsync(Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        await UntilAsync(() => Task.FromResult(logs.Collector.GetSnapshot().Any(record => record.Id.Name == "StoreAway")), "the warning");
        var said = logs.Collector.GetSnapshot().First(record => record.Id.Name == "StoreAway");
        Assert.Equal((LogLevel.Warning, "Lane brook/0 waits: the store is away (attempt 1). Nothing is lost; it goes on when the store is back."), (said.Level, said.Message));
        Assert.StartsWith($"Redis at {server.ConnectionString} cannot be reached (", said.Exception!.Message, StringComparison.Ordinal);

        await server.RestartAsync(Token);
        var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("add", 7, cancellationToken: Token);
        var view = host.Services.GetRequiredService<IBrookView>();
        Assert.Equal(WaitResult.Applied, await view.WaitForAsync(receipt, cancellationToken: Token));
        Assert.Equal(7, await view.GetAsync(Sums, "a", Token));

        await server.KillAsync();                                               // and in the middle; this server saves nothing, so its data is gone
        await host.Services.GetRequiredService<IBrook>().SendAsync("add", 1, cancellationToken: Token);
        await server.RestartAsync(Token);
        await UntilAsync(() => Task.FromResult(logs.Collector.GetSnapshot().Any(record => record.Id.Name == "StoreFails" && record.Exception!.Message.StartsWith("The data of the view {brook}:* is not what this application started with", StringComparison.Ordinal))), "the alarm");
        await host.StopAsync(new CancellationToken(canceled: true));
    }

    [Fact]
    public async Task A_view_outlives_its_process_and_a_named_instance_has_its_own_namespace()
    {
        var name = SharedRedis.NewNamespace();
        for (var run = 0; run < 2; run++)
        {
            using var host = Build(brook => brook.UseRedis(redis.Server.ConnectionString), name: name);
            await host.StartAsync(Token);
            var receipt = await host.Services.GetRequiredKeyedService<IBrook>(name).SendAsync("add", 5, cancellationToken: Token);
            await host.Services.GetRequiredKeyedService<IBrookView>(name).WaitForAsync(receipt, cancellationToken: Token);
            Assert.Equal(5 * (run + 1), await host.Services.GetRequiredKeyedService<IBrookView>(name).GetAsync(Sums, "a", Token));
            Assert.Equal(run + 1, (await host.Services.GetRequiredKeyedService<IBrookView>(name).GetEventsAsync(Sums, "a", cancellationToken: Token)).Count);
            await host.StopAsync(Token);
        }
        Assert.Equal(1L, await redis.Server.CommandAsync("EXISTS", $"{{{name}}}:s:sums"));
    }

    [Fact]
    public async Task A_connection_of_the_application_is_used_and_stays_open()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(redis.Server.ConnectionString);
        using (var host = Build(brook =>
        {
            brook.Services.AddSingleton<IConnectionMultiplexer>(connection);
            brook.UseRedis(provider => provider.GetRequiredService<IConnectionMultiplexer>(), options => options.Namespace = SharedRedis.NewNamespace());
        }))
        {
            await host.StartAsync(Token);
            var receipt = await host.Services.GetRequiredService<IBrook>().SendAsync("add", 5, cancellationToken: Token);
            Assert.Equal(WaitResult.Applied, await host.Services.GetRequiredService<IBrookView>().WaitForAsync(receipt, cancellationToken: Token));
            await host.StopAsync(Token);
        }
        Assert.True(connection.IsConnected);
    }

    [Theory]
    [InlineData("", "Namespace is ''")]
    [InlineData("a{b}", "Namespace is 'a{b}'")]
    [InlineData("a b", "Namespace is 'a b'")]
    public void A_namespace_that_would_not_keep_its_keys_together_is_refused(string space, string expected)
    {
        var error = Assert.Throws<BrookException>(() => Build(brook => brook.UseRedis("localhost", options => (options.Namespace, options.SweepInterval, options.Database) = (space, TimeSpan.Zero, -1))));
        Assert.Equal($"The options of the Redis store are not valid:\n  - {expected}; it must have 1 to 128 bytes without braces, blanks and control characters.\n  - Database is -1; it must be 0 or more.\n  - SweepInterval is 00:00:00; it must be more than 0, and a day at most.", error.Message);
    }

    [Theory]
    [InlineData("localhost:6379,nonsense=1")]
    [InlineData("localhost:6379,ssl=perhaps")]
    [InlineData(",password=hunter2")]
    [InlineData("redis://app:hunter2@localhost:6379")]
    [InlineData("app:hunter2@localhost:6379")]
    public void A_configuration_that_cannot_be_read_says_so_without_its_secrets(string configuration)
    {
        var error = Assert.Throws<BrookException>(() => Build(brook => brook.UseRedis(configuration)));
        Assert.StartsWith("The Redis configuration cannot be read: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("It looks like this: localhost:6379,user=app,password=...,ssl=true", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_was_not_started_says_so()
    {
        await using var store = redis.Open();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => store.CommitAsync(Put("a", "1")));
        Assert.Equal("The store was not started: call StartAsync first.", error.Message);
    }

    private static IHost Build(Action<BrookBuilder> configure, FakeLoggerProvider? logs = null, string name = "")
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        if (logs is not null) builder.Logging.AddProvider(logs);
        builder.Services.AddBrookInProcess(name, brook => configure(brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data))));
        return builder.Build();
    }
}
