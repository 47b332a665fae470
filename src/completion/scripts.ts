/**
 * The scripts that shells load. They only pass the words on and show what comes back: which candidates there
 * are is decided by `opsctl __complete` (src/cli/complete.ts), so that a new version needs no new script.
 *
 * The protocol: `opsctl __complete <shell> "--current=<word at the cursor>" -- <words before it, without the
 * program>` prints a candidate a line, a tab and a description after it; `:files` alone asks the shell for
 * its own file names. What was typed is passed as arguments and never evaluated: completing
 * `opsctl logs $(reboot)` must not reboot.
 */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/** Bash splits words at = and : too; opsctl puts them together again and answers with the last piece only. */
const BASH = String.raw`# opsctl completion for bash (3.2 or newer). In ~/.bashrc:
#   source <(opsctl completion bash)          bash 3.2: eval "$(opsctl completion bash)"
_opsctl() {
  local line program current=''
  local -a before=()
  COMPREPLY=()
  program="\${COMP_WORDS[0]/#\~/$HOME}"
  current="\${COMP_WORDS[COMP_CWORD]}"
  if ((COMP_CWORD > 1)); then before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}"); fi
  while IFS= read -r line; do
    if [[ "$line" == ':files' ]]; then
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
      return
    fi
    COMPREPLY+=("\${line%%$'\t'*}")
  done < <("$program" __complete bash "--current=$current" -- \${before[@]+"\${before[@]}"} 2>/dev/null)
}
complete -F _opsctl opsctl
`.replaceAll('\\$', '$');

const ZSH = String.raw`#compdef opsctl
# opsctl completion for zsh. In ~/.zshrc, after compinit:
#   source <(opsctl completion zsh)
# or save it as _opsctl in a directory of $fpath.
_opsctl() {
  local line program
  local -a lines described
  program="\${(Q)words[1]/#\~/$HOME}"
  lines=("\${(@f)$("$program" __complete zsh "--current=\${(Q)words[CURRENT]}" -- "\${(@Q)words[2,CURRENT-1]}" 2>/dev/null)}")
  if [[ "$lines[1]" == ':files' ]]; then
    _files
    return
  fi
  for line in "\${(@)lines}"; do
    [[ -n "$line" ]] && described+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
  done
  (( $#described )) && _describe -V opsctl described
}
if [[ "$funcstack[1]" == '_opsctl' ]]; then
  _opsctl "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _opsctl opsctl
fi
`.replaceAll('\\$', '$');

const FISH = String.raw`# opsctl completion for fish. Save it once:
#   opsctl completion fish > ~/.config/fish/completions/opsctl.fish
function __opsctl_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  set -l program $before[1]
  set -l lines ($program __complete fish "--current=$current" -- $before[2..-1] 2>/dev/null)
  if test "$lines[1]" = ':files'
    __fish_complete_path "$current"
  else if test (count $lines) -gt 0
    printf '%s\n' $lines
  end
end
complete -c opsctl -e
complete -c opsctl -f -k -a '(__opsctl_complete)'
`;

/** Windows PowerShell drops empty arguments, hence `--current=`. Nothing printed makes it offer files itself. */
const POWERSHELL = String.raw`# opsctl completion for PowerShell (5.1 or newer). In $PROFILE:
#   opsctl completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName opsctl -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $elements = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition })
  $words = @($elements | Select-Object -Skip 1 | ForEach-Object {
    if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
  })
  $before = $words
  if ($wordToComplete -ne '') { $before = @($words | Select-Object -SkipLast 1) }
  $program = $elements[0].Extent.Text
  & $program __complete powershell "--current=$wordToComplete" '--' @before 2>$null | ForEach-Object {
    $value, $description = $_ -split "\`t", 2
    if ($value -ne ':files') {
      if (-not $description) { $description = $value }
      [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
  }
}
`.replaceAll('\\`', '`');

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };

/** The script for a shell, to be sourced by it. */
export const scriptFor = (shell: Shell): string => SCRIPTS[shell];
