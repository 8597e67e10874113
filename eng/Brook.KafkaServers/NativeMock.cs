using System.Diagnostics;
using System.Runtime.InteropServices;
using Brook.MassTransit.Kafka;
using Confluent.Kafka;

namespace Brook.KafkaServers;

/// <summary>The functions of rdkafka_mock.h, in the very library that Confluent.Kafka runs on. That interface is experimental, so it is held to one version.</summary>
internal sealed unsafe class NativeMock
{
    private const string Version = "2.16";
    private static readonly Lazy<NativeMock> s_loaded = new(() => new());
    private readonly nint _library;

    public readonly delegate* unmanaged[Cdecl]<nint> ConfNew;
    public readonly delegate* unmanaged[Cdecl]<nint, nint, void> ConfSetLog;
    public readonly delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint> New;
    public readonly delegate* unmanaged[Cdecl]<nint, void> Destroy;
    public readonly delegate* unmanaged[Cdecl]<nint, int, nint> ClusterNew;
    public readonly delegate* unmanaged[Cdecl]<nint, void> ClusterDestroy;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*> Bootstraps;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, int, int, int> TopicCreate;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, int> TopicDelete;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, int, long, int> DeleteRecords;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, int, int, int> SetLeader;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int> BrokerDown, BrokerUp;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int, int> RoundTrip;
    public readonly delegate* unmanaged[Cdecl]<nint, short, nuint, int*, void> PushErrors;
    public readonly delegate* unmanaged[Cdecl]<nint, short, void> ClearErrors;
    public readonly delegate* unmanaged[Cdecl]<nint, int, void> ControllerId, InitialRebalanceDelay, ConsumerHeartbeat, ConsumerSession;
    public readonly delegate* unmanaged[Cdecl]<nint, void> StartTracking, ClearRequests;
    public readonly delegate* unmanaged[Cdecl]<nint, nuint*, nint*> Requests;
    public readonly delegate* unmanaged[Cdecl]<nint, short> RequestApiKey;
    public readonly delegate* unmanaged[Cdecl]<nint*, nuint, void> RequestsDestroy;

    private NativeMock()
    {
        NativeClient.Resolve();
        if (!Library.VersionString.StartsWith(Version + ".", StringComparison.Ordinal))
            throw new InvalidOperationException($"Confluent.Kafka runs on librdkafka {Library.VersionString}; the mock cluster was written for {Version}. Either another librdkafka was found first, or the package was raised: then see whether rdkafka_mock.h has changed.");
        // By its name another one may be found; by its path it is the one that is loaded already.
        using var process = Process.GetCurrentProcess();
        var module = process.Modules.Cast<ProcessModule>().FirstOrDefault(module => module.ModuleName.Contains("librdkafka", StringComparison.Ordinal))
            ?? throw new InvalidOperationException("librdkafka is loaded, but it is not among the modules of this process.");
        _library = NativeLibrary.Load(module.FileName);

        ConfNew = (delegate* unmanaged[Cdecl]<nint>)Find("conf_new");
        ConfSetLog = (delegate* unmanaged[Cdecl]<nint, nint, void>)Find("conf_set_log_cb");
        New = (delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint>)Find("new");
        Destroy = (delegate* unmanaged[Cdecl]<nint, void>)Find("destroy");
        ClusterNew = (delegate* unmanaged[Cdecl]<nint, int, nint>)Find("mock_cluster_new");
        ClusterDestroy = (delegate* unmanaged[Cdecl]<nint, void>)Find("mock_cluster_destroy");
        Bootstraps = (delegate* unmanaged[Cdecl]<nint, byte*>)Find("mock_cluster_bootstraps");
        TopicCreate = (delegate* unmanaged[Cdecl]<nint, byte*, int, int, int>)Find("mock_topic_create");
        TopicDelete = (delegate* unmanaged[Cdecl]<nint, byte*, int>)Find("mock_topic_delete");
        DeleteRecords = (delegate* unmanaged[Cdecl]<nint, byte*, int, long, int>)Find("mock_partition_delete_records");
        SetLeader = (delegate* unmanaged[Cdecl]<nint, byte*, int, int, int>)Find("mock_partition_set_leader");
        BrokerDown = (delegate* unmanaged[Cdecl]<nint, int, int>)Find("mock_broker_set_down");
        BrokerUp = (delegate* unmanaged[Cdecl]<nint, int, int>)Find("mock_broker_set_up");
        RoundTrip = (delegate* unmanaged[Cdecl]<nint, int, int, int>)Find("mock_broker_set_rtt");
        PushErrors = (delegate* unmanaged[Cdecl]<nint, short, nuint, int*, void>)Find("mock_push_request_errors_array");
        ClearErrors = (delegate* unmanaged[Cdecl]<nint, short, void>)Find("mock_clear_request_errors");
        ControllerId = (delegate* unmanaged[Cdecl]<nint, int, void>)Find("mock_set_controller_id");
        InitialRebalanceDelay = (delegate* unmanaged[Cdecl]<nint, int, void>)Find("mock_group_initial_rebalance_delay_ms");
        ConsumerHeartbeat = (delegate* unmanaged[Cdecl]<nint, int, void>)Find("mock_set_group_consumer_heartbeat_interval_ms");
        ConsumerSession = (delegate* unmanaged[Cdecl]<nint, int, void>)Find("mock_set_group_consumer_session_timeout_ms");
        StartTracking = (delegate* unmanaged[Cdecl]<nint, void>)Find("mock_start_request_tracking");
        ClearRequests = (delegate* unmanaged[Cdecl]<nint, void>)Find("mock_clear_requests");
        Requests = (delegate* unmanaged[Cdecl]<nint, nuint*, nint*>)Find("mock_get_requests");
        RequestApiKey = (delegate* unmanaged[Cdecl]<nint, short>)Find("mock_request_api_key");
        RequestsDestroy = (delegate* unmanaged[Cdecl]<nint*, nuint, void>)Find("mock_request_destroy_array");
    }

    /// <exception cref="InvalidOperationException">This librdkafka is another version, or lacks a function.</exception>
    public static NativeMock Loaded => s_loaded.Value;

    private nint Find(string function) => NativeLibrary.TryGetExport(_library, $"rd_kafka_{function}", out var address)
        ? address
        : throw new InvalidOperationException($"librdkafka {Library.VersionString} has no function rd_kafka_{function}: see whether rdkafka_mock.h has changed.");
}
