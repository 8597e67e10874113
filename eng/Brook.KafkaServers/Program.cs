using System.Globalization;
using Brook.KafkaServers;

// mock [--brokers N] [--topic NAME:PARTITIONS]...: a mock cluster until the input ends. Its first line is "bootstrap: host:port,..."; then it answers line by line.
if (args is not ["mock", .. var options] || options.Length % 2 != 0) return Usage();
var brokers = 1;
var topics = new List<(string Name, int Partitions)>();
foreach (var option in options.Chunk(2))
{
    if (option is ["--brokers", var count] && int.TryParse(count, CultureInfo.InvariantCulture, out var number) && number > 0) brokers = number;
    else if (option is ["--topic", var topic] && topic.Split(':') is [var name, var text] && int.TryParse(text, CultureInfo.InvariantCulture, out var partitions)) topics.Add((name, partitions));
    else return Usage();
}

using var cluster = new MockKafkaCluster(brokers);
foreach (var (name, partitions) in topics) cluster.CreateTopic(name, partitions);
Console.WriteLine($"bootstrap: {cluster.BootstrapServers}");
while (Console.ReadLine() is { } line) Console.WriteLine(MockConsole.Answer(cluster, line));
return 0;

static int Usage()
{
    Console.Error.WriteLine("usage: Brook.KafkaServers mock [--brokers N] [--topic NAME:PARTITIONS]...");
    return 2;
}
