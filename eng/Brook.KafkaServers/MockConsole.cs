using System.Globalization;

namespace Brook.KafkaServers;

/// <summary>What is said to a mock cluster in a process of its own, line by line, and what it answers.</summary>
internal static class MockConsole
{
    /// <summary>ok, ok with what was asked for, or error: with the reason.</summary>
    public static string Answer(MockKafkaCluster cluster, string line)
    {
        try
        {
            return line.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
            {
                ["topic", var name, var partitions] => Done(() => cluster.CreateTopic(name, Number(partitions))),
                ["delete-topic", var name] => Done(() => cluster.DeleteTopic(name)),
                ["delete-records", var topic, var partition, var before] => Done(() => cluster.DeleteRecords(topic, Number(partition), long.Parse(before, CultureInfo.InvariantCulture))),
                ["leader", var topic, var partition, var broker] => Done(() => cluster.SetLeader(topic, Number(partition), Number(broker))),
                ["down", var broker] => Done(() => cluster.BrokerDown(Number(broker))),
                ["up", var broker] => Done(() => cluster.BrokerUp(Number(broker))),
                ["rtt", var broker, var milliseconds] => Done(() => cluster.RoundTrip(Number(broker), Number(milliseconds))),
                ["errors", var api, .. var errors] => Done(() => cluster.PushErrors(Api(api), [.. errors.Select(Number)])),
                ["clear-errors", var api] => Done(() => cluster.ClearErrors(Api(api))),
                ["rebalance-delay", var milliseconds] => Done(() => cluster.InitialRebalanceDelay(Number(milliseconds))),
                ["heartbeat", var milliseconds] => Done(() => cluster.ConsumerHeartbeat(Number(milliseconds))),
                ["session", var milliseconds] => Done(() => cluster.ConsumerSession(Number(milliseconds))),
                ["track"] => Done(cluster.TrackRequests),
                ["requests"] => $"ok {string.Join(' ', cluster.Requests().Select(count => $"{count.Key}:{count.Value}"))}".TrimEnd(),
                _ => $"error: not understood: {line}",
            };
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException) { return $"error: {e.Message.ReplaceLineEndings(" ")}"; }
    }

    private static string Done(Action action)
    {
        action();
        return "ok";
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    private static short Api(string text) => short.Parse(text, CultureInfo.InvariantCulture);
}
