using System.Runtime.CompilerServices;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// Nodes declare their queues one after the other: RabbitMQ 3.10 ends the connections of two that declare the same new quorum queue at once (541
/// INTERNAL_ERROR). The turn is an exclusive queue on the broker; the endpoints of one connection share it. It goes with the connection. Thread safe.
/// </summary>
internal sealed class SetupTurn(TimeProvider time)
{
    private const string Queue = "brook.setup";
    private const ushort ResourceLocked = 405;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50), s_patience = TimeSpan.FromSeconds(10);
    private readonly ConditionalWeakTable<IConnection, Turn> _turns = new();

    /// <summary>Ends when it is this connection's turn, or has been somebody else's for too long. To be given back with <see cref="ReleaseAsync"/>.</summary>
    public Task TakeAsync(ConnectionContext connection, CancellationToken cancellationToken) => Of(connection).TakeAsync(time, cancellationToken);

    public Task ReleaseAsync(ConnectionContext connection) => Of(connection).ReleaseAsync();

    private Turn Of(ConnectionContext connection) => _turns.GetValue(connection.Connection, static connection => new Turn(connection));

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle; the channel goes with its connection.")]
    private sealed class Turn(IConnection connection)
    {
        private readonly SemaphoreSlim _one = new(1);
        private int _holders;
        private long? _waitingSince;
        private IChannel? _channel;

        public async Task TakeAsync(TimeProvider time, CancellationToken cancellationToken)
        {
            await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                _waitingSince ??= time.GetTimestamp();              // of all endpoints of the connection: patience is spent once
                while (_channel is not { IsOpen: true } && connection.IsOpen && time.GetElapsedTime(_waitingSince.Value) < s_patience && !await TryAsync(cancellationToken).ConfigureAwait(false))
                    await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false);
                if (_channel is { IsOpen: true }) _waitingSince = null;
                _holders++;
            }
            finally
            {
                _one.Release();
            }
        }

        public async Task ReleaseAsync()
        {
            await _one.WaitAsync().ConfigureAwait(false);
            try
            {
                if (--_holders > 0 || _channel is not { } channel) return;
                _channel = null;
                if (channel.IsOpen) await channel.QueueDeleteAsync(Queue).ConfigureAwait(false);
                await channel.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception)
            {
                return;                 // the queue goes with the connection; who waits for it goes ahead after a while
            }
            finally
            {
                _one.Release();
            }
        }

        private async Task<bool> TryAsync(CancellationToken cancellationToken)
        {
            var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            try
            {
                await channel.QueueDeclareAsync(Queue, durable: false, exclusive: true, autoDelete: true, cancellationToken: cancellationToken).ConfigureAwait(false);
                _channel = channel;
                return true;
            }
            catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == ResourceLocked)
            {
                await channel.DisposeAsync().ConfigureAwait(false);
                return false;
            }
            catch
            {
                await channel.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}
