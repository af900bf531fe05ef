using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>How the dashboard shows a command.</summary>
public class CommandOptions
{
    /// <summary>Text of the tooltip.</summary>
    public string? Description { get; set; }

    /// <summary>Question asked before the command runs.</summary>
    public string? ConfirmationMessage { get; set; }

    /// <summary>Name of a Fluent UI icon.</summary>
    public string? IconName { get; set; }

    /// <summary>Outline or filled.</summary>
    public IconVariant? IconVariant { get; set; }

    /// <summary>Whether the command has a button of its own in the list of resources.</summary>
    public bool IsHighlighted { get; set; }

    /// <summary>Tells from the resource's state whether the command can run; always when null.</summary>
    public Func<UpdateCommandStateContext, ResourceCommandState>? UpdateState { get; set; }
}

/// <summary>How a command that sends an HTTP request does it.</summary>
public class HttpCommandOptions : CommandOptions
{
    /// <summary>The method; POST when null.</summary>
    public HttpMethod? Method { get; set; }

    /// <summary>Makes the command's result of the response; by default the status code decides.</summary>
    public Func<HttpCommandResultContext, Task<ExecuteCommandResult>>? GetCommandResult { get; set; }
}

/// <summary>What a command is run with.</summary>
public sealed class ExecuteCommandContext
{
    /// <summary>The application's services.</summary>
    public required IServiceProvider Services { get; init; }

    /// <summary>The name under which the orchestrator knows the resource.</summary>
    public required string ResourceName { get; init; }

    /// <summary>Cancelled when whoever started the command has gone.</summary>
    public required CancellationToken CancellationToken { get; init; }

    /// <summary>Writes into the resource's console log.</summary>
    public required ILogger Logger { get; init; }
}

/// <summary>What the result of an HTTP command is made of.</summary>
public sealed class HttpCommandResultContext
{
    /// <summary>The application's services.</summary>
    public required IServiceProvider Services { get; init; }

    /// <summary>The name under which the orchestrator knows the resource.</summary>
    public required string ResourceName { get; init; }

    /// <summary>The endpoint that was asked.</summary>
    public required EndpointReference Endpoint { get; init; }

    /// <summary>Cancelled when whoever started the command has gone.</summary>
    public required CancellationToken CancellationToken { get; init; }

    /// <summary>The client that asked.</summary>
    public required HttpClient HttpClient { get; init; }

    /// <summary>The answer.</summary>
    public required HttpResponseMessage Response { get; init; }
}

/// <summary>What the state of a command is made of.</summary>
public sealed class UpdateCommandStateContext
{
    /// <summary>The resource's present state.</summary>
    public required CustomResourceSnapshot ResourceSnapshot { get; init; }

    /// <summary>The application's services.</summary>
    public required IServiceProvider Services { get; init; }
}

/// <summary>How a command ended.</summary>
public sealed class ExecuteCommandResult
{
    /// <summary>Whether it did what it was for.</summary>
    public required bool Success { get; init; }

    /// <summary>Whether it was called off.</summary>
    public bool Canceled { get; init; }

    /// <summary>One line for the user.</summary>
    public string? Message { get; init; }

    /// <summary>What it produced.</summary>
    public CommandResultData? Data { get; init; }
}

/// <summary>What a command produced.</summary>
public sealed class CommandResultData
{
    /// <summary>The text.</summary>
    public required string Value { get; init; }

    /// <summary>How the text is to be read.</summary>
    public CommandResultFormat Format { get; init; }

    /// <summary>Whether the dashboard opens it without being asked.</summary>
    public bool DisplayImmediately { get; init; }
}

/// <summary>How a result is to be read.</summary>
public enum CommandResultFormat
{
    /// <summary>Plain text.</summary>
    Text,

    /// <summary>JSON.</summary>
    Json,

    /// <summary>Markdown.</summary>
    Markdown,
}

/// <summary>Makes results.</summary>
public static class CommandResults
{
    /// <summary>Success, with nothing to show.</summary>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Success() => new() { Success = true };

    /// <summary>Success, with a line for the user.</summary>
    /// <param name="message">The line.</param>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Success(string message) => new() { Success = true, Message = message };

    /// <summary>Success, with something to show.</summary>
    /// <param name="message">One line for the user.</param>
    /// <param name="result">What there is to show.</param>
    /// <param name="resultFormat">How it is to be read.</param>
    /// <param name="displayImmediately">Whether the dashboard opens it without being asked.</param>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Success(string message, string result, CommandResultFormat resultFormat, bool displayImmediately) => new()
    {
        Success = true,
        Message = message,
        Data = new() { Value = result, Format = resultFormat, DisplayImmediately = displayImmediately },
    };

    /// <summary>Failure.</summary>
    /// <param name="errorMessage">What was wrong, in one line.</param>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Failure(string? errorMessage = null) => new() { Success = false, Message = errorMessage };

    /// <summary>Failure by an exception.</summary>
    /// <param name="exception">The exception.</param>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Failure(Exception exception) => Failure(exception.Message);

    /// <summary>Called off.</summary>
    /// <returns>The result.</returns>
    public static ExecuteCommandResult Canceled() => new() { Success = false, Canceled = true };
}

/// <summary>Whether a command can run.</summary>
public enum ResourceCommandState
{
    /// <summary>It can.</summary>
    Enabled,

    /// <summary>Shown, but it can't now.</summary>
    Disabled,

    /// <summary>Not shown.</summary>
    Hidden,
}

/// <summary>Outline or filled.</summary>
public enum IconVariant
{
    /// <summary>Outline.</summary>
    Regular,

    /// <summary>Filled.</summary>
    Filled,
}

/// <summary>Names of the commands that every container has.</summary>
public static class KnownResourceCommands
{
    /// <summary>Starts a resource that has stopped.</summary>
    public static readonly string StartCommand = "start";

    /// <summary>Stops a running resource.</summary>
    public static readonly string StopCommand = "stop";

    /// <summary>Stops and starts a running resource.</summary>
    public static readonly string RestartCommand = "restart";
}
