"""Makes git_clone.json: names of directories and URLs with credentials, as `GitRepository` of prefect 3.9.1 makes them.

    python git_clone.py > git_clone.json
"""

from prefect.runner.storage import GitRepository
from table import write

URLS = [
    "https://github.com/org/repo.git",
    "https://github.com/org/repo",
    "https://github.com/org/repo/",
    "https://gitlab.com/group/sub/repo.git",
    "https://bitbucket.org/org/repo.git",
    "https://bitbucketserver.example.com/scm/project/repo.git",
    "https://git.example.com:8443/org/my.github.io.git?x=1#y",
    "http://git.example.com/org/repo.git",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo.git",
    "file:///srv/git/repo.git",
    "/srv/git/repo",
]

BRANCHES = [None, "main", "feature/a/b"]

CREDENTIALS = [
    None,
    {},
    {"access_token": "tok/en+1"},
    {"access_token": "oauth2:tok@en"},
    {"access_token": "x-token-auth:tok:en"},
    {"access_token": "user:tok/en"},
    {"token": "block~token"},
    {"username": "me@home", "password": "p a:ss"},
    {"username": "me", "access_token": "a", "token": "t", "password": "p"},
    {"access_token": "", "token": "fallback"},
    {"username": "me"},
    {"name": "neither"},
]


def made(url, credentials, submodules):
    case = {"repository": url, "credentials": credentials, "include_submodules": submodules}
    try:
        repository = GitRepository(url=url, credentials=credentials, include_submodules=submodules)
        return {**case, "url": repository._repository_url_with_credentials, "config": repository._git_config}
    except ValueError:
        return {**case, "refused": True}


table = {
    "names": [[url, branch, GitRepository(url=url, branch=branch)._name] for url in URLS for branch in BRANCHES],
    "urls": [made(url, credentials, url in URLS[:4]) for url in URLS for credentials in CREDENTIALS],
}
write(table)
