using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Brook.TestServers;

/// <summary>A certificate authority that nobody trusts, and a certificate of it for the loopback address.</summary>
internal static class Certificates
{
    public const string Authority = "ca.crt", Server = "server.crt", ServerKey = "server.key";

    /// <summary>Writes the three files; returns the authority, without its key.</summary>
    public static X509Certificate2 Create(string directory)
    {
        var (from, to) = (TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(30));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=Brook test authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        authorityRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, false));
        using var authority = authorityRequest.CreateSelfSigned(from, to);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        using var server = request.Create(authority, from, to, RandomNumberGenerator.GetBytes(8));

        File.WriteAllText(Path.Combine(directory, Authority), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory, Server), server.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory, ServerKey), key.ExportPkcs8PrivateKeyPem());
        return X509CertificateLoader.LoadCertificate(authority.RawData);
    }
}
