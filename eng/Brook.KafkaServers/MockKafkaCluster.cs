using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Confluent.Kafka;

namespace Brook.KafkaServers;

/// <summary>
/// The mock cluster of librdkafka, in this process: brokers on loopback ports that any client may use, within a millisecond. It keeps at most 5 MB a partition and drops the
/// oldest beyond that without a word; it has no transactions, compaction, retention, topic administration and search by time. Never ask it to list or to delete groups:
/// that ends the client's process.
/// </summary>
public sealed unsafe class MockKafkaCluster : IDisposable
{
    private const int Producer = 0, MessageSize = 512;
    private readonly NativeMock _native = NativeMock.Loaded;
    private nint _client, _cluster;

    /// <summary>Starts it. Groups need not wait for members to come: no initial delay, and a heartbeat of 100 ms where the broker sets it (KIP-848).</summary>
    /// <param name="brokers">How many; their ids are 1, 2 and so on.</param>
    /// <exception cref="InvalidOperationException">Confluent.Kafka does not run on the librdkafka that this was written for.</exception>
    public MockKafkaCluster(int brokers = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(brokers);
        var message = stackalloc byte[MessageSize];
        var configuration = _native.ConfNew();
        _native.ConfSetLog(configuration, 0);       // it would warn that it has no servers
        _client = _native.New(Producer, configuration, message, MessageSize);
        if (_client == 0) throw new InvalidOperationException($"The mock cluster has no client: {Marshal.PtrToStringUTF8((nint)message)}");
        _cluster = _native.ClusterNew(_client, brokers);
        if (_cluster == 0)
        {
            Dispose();
            throw new InvalidOperationException($"A mock cluster of {brokers} brokers was not started.");
        }
        BootstrapServers = Marshal.PtrToStringUTF8((nint)_native.Bootstraps(_cluster))!;
        _native.ControllerId(_cluster, 1);
        InitialRebalanceDelay(0);
        ConsumerHeartbeat(100);
    }

    /// <summary>host:port of all brokers, for clients.</summary>
    public string BootstrapServers { get; } = "";

    /// <summary>Makes a topic. One that is unknown is made when a producer asks for it, with four partitions; a consumer is told that there is none.</summary>
    public void CreateTopic(string name, int partitions) => Call(_native.TopicCreate, name, partitions, 1, $"Topic {name} of {partitions} partitions cannot be made");

    /// <summary>Removes a topic with its messages.</summary>
    public void DeleteTopic(string name)
    {
        using var text = new Utf8(name);
        Check(_native.TopicDelete(Cluster, text.Pointer), $"Topic {name} cannot be removed");
    }

    /// <summary>Removes the messages of a partition that are before an offset, as retention would.</summary>
    public void DeleteRecords(string topic, int partition, long before)
    {
        using var text = new Utf8(topic);
        Check(_native.DeleteRecords(Cluster, text.Pointer, partition, before), $"Messages before {before} of {topic}[{partition}] cannot be removed");
    }

    /// <summary>Gives a partition to another broker.</summary>
    public void SetLeader(string topic, int partition, int broker) => Call(_native.SetLeader, topic, partition, broker, $"Broker {broker} cannot lead {topic}[{partition}]");

    /// <summary>Cuts the connections of a broker and takes no new ones; its messages stay.</summary>
    public void BrokerDown(int broker) => Check(_native.BrokerDown(Cluster, broker), $"Broker {broker} cannot be stopped");

    /// <summary>Takes connections again.</summary>
    public void BrokerUp(int broker) => Check(_native.BrokerUp(Cluster, broker), $"Broker {broker} cannot be started");

    /// <summary>How long a broker takes for each answer; 0 is at once.</summary>
    public void RoundTrip(int broker, int milliseconds) => Check(_native.RoundTrip(Cluster, broker, milliseconds), $"Broker {broker} cannot be slowed down");

    /// <summary>The next requests of a kind fail, one with each of these errors; -195 cuts the connection instead.</summary>
    /// <param name="apiKey">Of <see cref="KafkaApi"/>.</param>
    /// <param name="errors">Of <see cref="ErrorCode"/>.</param>
    public void PushErrors(short apiKey, params ReadOnlySpan<int> errors)
    {
        fixed (int* first = errors) _native.PushErrors(Cluster, apiKey, (nuint)errors.Length, first);
    }

    /// <summary>Takes back the errors of <see cref="PushErrors"/> that have not happened yet.</summary>
    public void ClearErrors(short apiKey) => _native.ClearErrors(Cluster, apiKey);

    /// <summary>How long a new group waits for more members. It has to be below the session timeout.</summary>
    public void InitialRebalanceDelay(int milliseconds) => _native.InitialRebalanceDelay(Cluster, milliseconds);

    /// <summary>How often members of groups of the newer protocol (KIP-848) tell that they are alive.</summary>
    public void ConsumerHeartbeat(int milliseconds) => _native.ConsumerHeartbeat(Cluster, milliseconds);

    /// <summary>After which silence a member of a group of the newer protocol (KIP-848) has gone.</summary>
    public void ConsumerSession(int milliseconds) => _native.ConsumerSession(Cluster, milliseconds);

    /// <summary>Counts requests from now on.</summary>
    public void TrackRequests()
    {
        _native.ClearRequests(Cluster);
        _native.StartTracking(Cluster);
    }

    /// <summary>How many requests there were since <see cref="TrackRequests"/>, by <see cref="KafkaApi"/>.</summary>
    public IReadOnlyDictionary<short, int> Requests()
    {
        nuint count;
        var requests = _native.Requests(Cluster, &count);
        var counts = new Dictionary<short, int>();
        for (nuint i = 0; i < count; i++) CollectionsMarshal.GetValueRefOrAddDefault(counts, _native.RequestApiKey(requests[i]), out _)++;
        if (count > 0) _native.RequestsDestroy(requests, count);
        return counts;
    }

    /// <summary>Ends it, with all messages.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _cluster, 0) is var cluster and not 0) _native.ClusterDestroy(cluster);
        if (Interlocked.Exchange(ref _client, 0) is var client and not 0) _native.Destroy(client);
    }

    private nint Cluster => _cluster is var cluster and not 0 ? cluster : throw new ObjectDisposedException(nameof(MockKafkaCluster));

    private void Call(delegate* unmanaged[Cdecl]<nint, byte*, int, int, int> function, string topic, int first, int second, string failure)
    {
        using var text = new Utf8(topic);
        Check(function(Cluster, text.Pointer, first, second), failure);
    }

    private static void Check(int code, string failure)
    {
        if (code != 0) throw new InvalidOperationException($"{failure}: {new Error((ErrorCode)code).Reason}");
    }

    private readonly ref struct Utf8(string text)
    {
        public byte* Pointer { get; } = Utf8StringMarshaller.ConvertToUnmanaged(text);
        public void Dispose() => Utf8StringMarshaller.Free(Pointer);
    }
}
