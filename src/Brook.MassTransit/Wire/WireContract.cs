// docs/wire-contract.md is this file in prose. Names here are seen by other programs: change none without a new version.
using System.Net.Mime;

namespace Brook.MassTransit;

/// <summary>What travels between nodes: names of exchanges, queues and headers, and the version of the body's format.</summary>
internal static class WireContract
{
    /// <summary>The body is lines of JSON, one event each.</summary>
    public const string Version = "1";

    public const string VersionHeader = "Brook-Version";
    public const string StreamHeader = "Brook-Stream";
    public const string PartitionsHeader = "Brook-Partitions";
    public const string CountHeader = "Brook-Count";
    public const string SentAtHeader = "Brook-Sent-At";
    public const string NodeHeader = "Brook-Node";
    public const string ErrorHeader = "Brook-Error";

    public static readonly ContentType Lines = new("application/x-ndjson");

    /// <summary>A direct exchange; the routing key is the partition.</summary>
    public static string Exchange(string stream) => $"brook.{stream}";

    /// <summary>A fan-out exchange: applied events for the other nodes.</summary>
    public static string ForwardExchange(string instance, string stream) => $"brook.{stream}.{instance}.forward";

    public static string LaneQueue(string instance, string stream, int partition) => $"{instance}.{stream}.{partition}";

    public static string ForwardQueue(string instance, string stream, string node) => $"{instance}.{stream}.forward.{node}";

    /// <summary>On a broker: every node of the instance has one consumer on it, so that they can count themselves.</summary>
    public static string NodesQueue(string instance, string stream) => $"{instance}.{stream}.nodes";

    /// <summary>Where messages go that cannot be read at all.</summary>
    public static string ErrorQueue(string instance) => $"{instance}_error";

    public static string Lane(string stream, int partition) => $"{stream}/{partition}";
}
